import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { runSigned, startRecorder } from './helpers.js';

const shell = promisify(execFile);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** One request, as it arrived. */
export interface Request {
  readonly line: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a call sends, with its boundary made the same for everybody. */
export async function sent(call: (url: string) => Promise<unknown>): Promise<Request> {
  const recorder = await startRecorder(OK);
  await call(recorder.url);
  await recorder.close();
  const received = recorder.received();
  const boundary = /boundary=(\S+)/.exec(received)?.[1];
  const text = boundary === undefined ? received : received.replaceAll(boundary, 'BOUNDARY');
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  const fields = Object.fromEntries(
    lines.map((one) => [one.split(':')[0]?.toLowerCase(), one.slice(one.indexOf(':') + 2)]),
  );
  return { line, fields, body: rest.join('\r\n\r\n') };
}

/** The same call by `countersign curl` and by the real one, in one directory; `URL` stands for where it goes. */
export async function both(
  directory: string,
  args: readonly string[],
  input = '',
): Promise<readonly [Request, Request]> {
  const words = (url: string) => args.map((word) => word.replace('URL', url));
  const ours = await sent(async (url) => {
    const options = { cwd: directory, input };
    const { code, stderr } = await runSigned(['curl', '-sS', ...words(url)], options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
  const theirs = await sent((url) => {
    const real = ['-q', '-s', '--globoff', '-H', 'Expect:', ...words(url)];
    const call = shell('curl', real, { cwd: directory });
    call.child.stdin?.end(input);
    return call;
  });
  return [ours, theirs];
}
