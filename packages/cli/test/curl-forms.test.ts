import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both } from './curl-both.js';
import {
  CREDENTIAL,
  file,
  KEY_FILE,
  runSigned,
  type Service,
  startRecorder,
  startService,
  temporaryDirectory,
} from './helpers.js';

const directory = temporaryDirectory();
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
file(directory, 'a b.txt', 'a b\r\né&=?\n');
file(directory, 'bytes', BYTES);
file(directory, 'empty', '');
file(directory, 'pic.PNG', BYTES);
file(directory, 'we"ird,n;x.svg', '<svg/>');

let service: Service;
beforeAll(async () => {
  const keys = file(directory, 'keys.json', JSON.stringify(KEY_FILE));
  service = await startService(['--keys', keys, '--fresh', '--verbose']);
});
afterAll(() => service.stop());

/** Runs `countersign curl` among the files, with `URL` standing for the service. */
const curl = (args: readonly string[], input?: string | Uint8Array) =>
  runSigned(['curl', '-s', ...args.map((word) => word.replace('URL', service.url))], {
    cwd: directory,
    ...(input === undefined ? {} : { input }),
  });

describe('--data-urlencode', () => {
  it.each<[readonly string[]]>([
    [['--data-urlencode', "it's é & =?~*()-._\n"]],
    [['--data-urlencode', 'plain é']],
    [['--data-urlencode', '=a=b é']],
    [['--data-urlencode', '=@a']],
    [['--data-urlencode', 'name=a b&c']],
    [['--data-urlencode', 'name=']],
    [['--data-urlencode', 'na@me=@a b']],
    [['--data-urlencode', '@a b.txt']],
    [['--data-urlencode', 'name@a b.txt']],
    [['--data-urlencode', 'name@bytes']],
    [['--data-urlencode', 'name@empty', '-d', 'x=1']],
    [['--data-urlencode', 'name@-']],
    [['-d', 'a=é', '--data-urlencode', 'b=é', '--data-raw', '@c']],
    [['-X', 'PUT', '--data-urlencode', 'a=1']],
    [['-G', '--data-urlencode', 'q=a b&c', '-d', 'z=1']],
  ])('%j sends what curl sends', async (args) => {
    const [ours, theirs] = await both(directory, [...args, 'URL/a'], 'in put');
    expect({ line: ours.line, body: ours.body }).toEqual({ line: theirs.line, body: theirs.body });
    expect(ours.fields['content-type']).toBe(theirs.fields['content-type']);
    const { code, stdout } = await curl([...args, 'URL/a'], 'in put');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      credential: CREDENTIAL,
      bodyBytes: ours.body.length,
    });
  });
});

describe('-F', () => {
  it.each<[readonly string[]]>([
    [['-F', 'a=b', '--form', 'c=é']],
    [['-F', 'a= b ']],
    [['-F', 'a=" b;c\\"\\\\ "']],
    [['-F', 'a="b']],
    [['-F', 'a=']],
    [['-F', 'a"b\\=c']],
    [['-F', 'a=b;type=text/plain']],
    [['-F', 'a=b;type=text/plain; charset=utf-8 ']],
    [['-F', 'a={};type=application/json;filename=b.json']],
    [['-F', 'a=b;filename="c\\"d.txt"']],
    [['-F', 'a=@a b.txt']],
    [['-F', 'a=@bytes']],
    [['-F', 'a=@pic.PNG', '-F', 'b=@empty']],
    [['-F', 'a=@bytes;type=image/png;filename=é "q".bin']],
    [['-F', 'a=@bytes; filename=b.gif ; type=text/x']],
    [['-F', 'a=@"we\\"ird,n;x.svg"']],
    [['-F', `a=@${directory}/bytes`]],
    [['-F', 'a=<a b.txt']],
    [['-F', 'a=<bytes;type=text/plain']],
    [['-F', 'a=@-']],
    [['-F', 'a=<-']],
    [['-F', 'a=@-;filename=in.txt']],
    [['--form-string', 'a=@b;type=c/d']],
    [['-X', 'PUT', '-F', 'a=b']],
  ])('%j sends what curl sends', async (args) => {
    const [ours, theirs] = await both(directory, [...args, 'URL/a'], 'in\nput');
    expect(ours.line).toBe(theirs.line);
    expect(ours.body).toBe(theirs.body);
    expect(ours.fields['content-type']).toBe('multipart/form-data; boundary=BOUNDARY');
    const { code, stdout } = await curl([...args, 'URL/a'], 'in\nput');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      credential: CREDENTIAL,
      signedHeaders: expect.arrayContaining(['content-digest', 'content-type']),
    });
  });

  it('makes a form that another parser reads, with a new boundary each time', async () => {
    const recorder = await startRecorder(OK);
    const args = ['-F', 'kind=é', '-F', 'file=@pic.PNG;type=image/png', recorder.url];
    await runSigned(['curl', '-s', ...args], { cwd: directory });
    await runSigned(['curl', '-s', ...args], { cwd: directory });
    await recorder.close();
    const received = recorder.received();
    const [first, second] = [...received.matchAll(/^Content-Type: (multipart.*)\r$/gm)];
    expect(first?.[1]).not.toBe(second?.[1]);
    const from = received.indexOf('\r\n\r\n') + 4;
    const body = received.slice(from, received.indexOf('POST ', from));
    const form = await new Response(Buffer.from(body, 'latin1'), {
      headers: { 'Content-Type': first?.[1] as string },
    }).formData();
    expect(form.get('kind')).toBe('é');
    const uploaded = form.get('file') as File;
    expect({ name: uploaded.name, type: uploaded.type }).toEqual({
      name: 'pic.PNG',
      type: 'image/png',
    });
    expect(Buffer.from(await uploaded.arrayBuffer()).equals(BYTES)).toBe(true);
  });

  it('tells a file that cannot be read with exit code 3', async () => {
    expect(await curl(['-F', 'a=@absent', 'URL/a'])).toEqual({
      code: 3,
      stdout: '',
      stderr: 'countersign: curl: cannot read absent (ENOENT)\n',
    });
  });
});
