import { describe, expect, it } from 'vitest';
import { file, runSigned, startRecorder, temporaryDirectory } from './helpers.js';

const LINES = file(temporaryDirectory(), 'lines.txt', 'a=1');

/** Runs `countersign curl`, with `URL` standing for a server that nothing may reach. */
async function curl(args: readonly string[]) {
  const recorder = await startRecorder();
  const result = await runSigned([
    'curl',
    ...args.map((word) => word.replace('URL', recorder.url)),
  ]);
  await recorder.close();
  expect(recorder.received()).toBe('');
  return result;
}

describe('what cannot be signed faithfully is refused by name', () => {
  it.each([
    [['-L'], '-L is refused: each redirect'],
    [['-sSL'], '-L is refused'],
    [['--location'], '--location is refused'],
    [['--location-trusted'], '--location-trusted is refused'],
    [['--retry', '3'], '--retry is refused: each attempt'],
    [['-u', 'a:b'], '-u is refused: the Authorization field'],
    [['--user', 'a:b'], '--user is refused'],
    [['-x', 'http://proxy'], '-x is refused'],
    [['--proxy', 'http://proxy'], '--proxy is refused'],
    [['-K', 'file'], '-K is refused'],
    [['--config', 'file'], '--config is refused'],
    [['--next'], '--next is refused'],
    [['-:'], '-: is refused'],
    [['-Z'], '-Z is refused'],
    [['--http3'], '--http3 is refused'],
    [['--compressed'], '--compressed is refused'],
    [['-b', 'a=1'], '-b is refused: give the header field with -H'],
    [['-O'], '-O is refused'],
    [['-n'], '-n is refused'],
    [['--url-query', 'a=1'], '--url-query is refused'],
    [['--no-silent'], '--no-silent is refused'],
    [['--reques', 'PUT'], '--reques is refused'],
    [['--request=PUT'], '--request=…: curl does not take a value after "="'],
    [['--bogus=1'], '--bogus is refused'],
    [['--form-escape', '-F', 'a=1'], '--form-escape is refused'],
    [['--profile', 'a'], "--profile is refused: countersign's own options come before"],
    [['--credential', 'a'], "--credential is refused: countersign's own options come before"],
    [['http://other.example/'], '2 URLs, "http://other.example/" is the second'],
    [['-'], '"-" is no URL'],
    [['-I', '-d', 'a'], '-I and a body cannot be mixed'],
    [['-d', 'a', '--json', '{}'], '--json and -d cannot be mixed'],
    [['-d', 'a', '-F', 'a=1'], '-d and -F cannot be mixed'],
    [['--data-urlencode', 'a', '-T', LINES], '-d and -T cannot be mixed'],
    [['--json', '{}', '--data-urlencode', 'a'], '--json and -d cannot be mixed'],
    [['-F', 'a=1', '-T', LINES], '-F and -T cannot be mixed'],
    [['-T', LINES, '-T', LINES], '-T is given twice'],
    [['-G', '-F', 'a=1'], '-G and -F cannot be mixed'],
    [['-G', '-T', LINES], '-G and -T cannot be mixed'],
    [['-I', '-T', LINES], '-I and a body cannot be mixed'],
    [['-I', '-F', 'a=1'], '-I and a body cannot be mixed'],
    [['-T', ''], '-T: expected the name of a file'],
    [['-T', 'a\nb'], '-T: expected the name of a file'],
    [['-F', 'a'], '-F "a": expected name=content'],
    [['-F', '=a'], 'expected name=content'],
    [['-F', 'a=@'], 'the file is not named'],
    [['-F', 'a=<'], 'the file is not named'],
    [['-F', 'a=(b'], 'nested parts are not made'],
    [['-F', 'a=b;c'], '";c" is not taken; quote the content'],
    [['-F', 'a=b;headers="X: y"'], 'is not taken'],
    [['-F', 'a=b;type=text/plain;encoder=base64'], 'is not taken'],
    [['-F', 'a=b;type=plain'], 'expected a media type'],
    [['-F', 'a=b;type=text/plain\r\nX: y'], 'expected a media type'],
    [['-F', 'a="b"c'], 'something stands behind the closing quote'],
    [['-F', `a=@${LINES},${LINES}`], 'one file for each -F'],
    [['-F', `a=<${LINES};filename=b`], 'filename= is for name=@file'],
    [['-F', 'a=1', '-H', 'Content-Type: multipart/form-data'], '-F sets this field'],
    [['-F', 'a=1', '-H', 'Content-Type:'], '-F sets this field'],
    [['-F', 'a=@-', '-F', 'b=@-'], 'standard input is named twice'],
    [['-d', '@-', '--data-urlencode', '@-'], '@- is given twice'],
    [['-d', '@-', '-d', '@-'], '@- is given twice'],
    [['-o', 'a', '-o', 'b'], '-o is given twice'],
    [['-w', '@-'], '-w @- is not possible'],
    [['-X'], '-X needs a value'],
    [['-X', 'A B'], 'method: expected'],
    [['-X', 'GET\r\nX: y'], 'method: expected'],
    [['-G', '-d', 'a b'], 'url: The request target is refused'],
    [['-H', 'Authorization: x'], '-H "Authorization": the signature sets this field'],
    [['-H', 'authorization;'], '-H "authorization": the signature'],
    [['-H', 'Date: x'], '-H "Date": the signature'],
    [['-H', 'Date:'], '-H "Date": the signature'],
    [['-H', 'X-Date: x'], '-H "X-Date": the signature'],
    [['-H', 'X-Nonce: x'], '-H "X-Nonce": the signature'],
    [['-H', 'Content-Digest: x'], '-H "Content-Digest": the signature'],
    [['-H', 'Host: other'], '-H "Host": the host is signed as the URL has it'],
    [['-H', 'Host:'], '-H "Host"'],
    [['-H', 'Content-Length: 1'], '-H "Content-Length": curl sets this field'],
    [['-H', 'Transfer-Encoding: chunked'], '-H "Transfer-Encoding"'],
    [['-H', 'Connection: close'], '-H "Connection"'],
    [['-H', '@file'], 'files of header fields are not read'],
    [['-H', 'no colon'], "expected 'Name: value'"],
    [['-H', 'Content-Type: a', '-H', 'Content-Type: b'], 'content-type is given more than once'],
    [['-H', 'X-A: b\r\nX-C: d'], 'a line break or other control character'],
    [['-H', 'X-A: b\nurl = "http://other.example"'], 'a line break or other control character'],
    [['-A', 'me\r\nX-C: d'], 'a line break or other control character'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await curl(['URL/never', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^countersign: curl: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it.each([
    [[], 'no URL'],
    [['example.com'], 'expected a URL that begins with http:// or https://'],
    [['ftp://example.com'], 'expected a URL that begins with'],
    [['file:///etc/hosts'], 'expected a URL that begins with'],
    [['http://u:p@example.com/'], 'user-info'],
    [['http://a/../b'], 'segment'],
    [['http://a/%2e%2e/b'], 'segment'],
    [['http://a/b c'], 'target is refused'],
    [['http://a\\b/'], 'target is refused'],
    [['-T', LINES, 'http://a/?b=c'], 'give the whole path'],
    [['-T', LINES, 'http://a?b=c'], 'give the whole path'],
    [['http://exämple.com/'], 'url: The Host field is neither'],
    [['http://a"\nheader = "x/'], 'url: '],
  ])('%j', async (args, message) => {
    const { code, stderr } = await curl(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^countersign: curl: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});
