import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** The built command. */
export const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
/** The shared vectors. */
export const VECTORS = fileURLToPath(new URL('../../../test-vectors', import.meta.url));

/** The key of the protocol's worked example. */
export const SECRET = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
export const CREDENTIAL = 'orders-service';
export const DATE = 'Wed, 01 Jan 2020 12:00:30 GMT';
export const KEY_ENV = { COUNTERSIGN_CREDENTIAL: CREDENTIAL, COUNTERSIGN_SECRET: SECRET };
export const KEY_FILE = {
  keys: [{ credential: CREDENTIAL, secrets: [{ id: 'one', secret: SECRET }] }],
};

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
}

// Nothing of the developer's own settings.
const BASE_ENV = { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), XDG_CONFIG_HOME: '/nowhere' };

/** Starts the command; whoever starts it ends it. */
export function start(args: readonly string[], { env = {}, cwd }: RunOptions = {}): ChildProcess {
  return spawn(process.execPath, [BIN, ...args], {
    env: { ...BASE_ENV, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Runs the command to its end. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const child = start(args, options);
  child.stdin?.on('error', () => {}); // it may end without reading
  child.stdin?.end(options.input ?? '');
  return resultOf(child);
}

/** What a process writes until it ends. */
export async function resultOf(child: ChildProcess): Promise<Result> {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

/** Runs the command as the worked example's signer. */
export function runSigned(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return run(args, { ...options, env: { ...KEY_ENV, ...options.env } });
}

const directories: string[] = [];
afterAll(() => {
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

/** A directory that is removed after the tests of the file. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'countersign-cli-test-'));
  directories.push(path);
  return path;
}

/** Writes a file and gives its path. */
export function file(directory: string, name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

export interface Service {
  readonly port: number;
  readonly url: string;
  readonly child: ChildProcess;
  /** Ends it with SIGTERM, and tells how it went. */
  stop(): Promise<Result>;
}

/** A real `countersign serve` on a free port. */
export async function startService(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Service> {
  const child = start(['serve', '--port', '0', ...args], options);
  const ended = resultOf(child);
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: string) => {
      text += chunk;
      const match = /^listening on http:\/\/127\.0\.0\.1:([0-9]+)\n/.exec(text);
      if (match !== null) resolve(Number(match[1]));
    });
    ended.then(({ stderr }) => reject(new Error(`serve ended: ${stderr}`)));
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    child,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Sends bytes to a port and gives all that comes back until the other side ends. */
export async function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

export interface Recorder {
  readonly url: string;
  /** The bytes that arrived, as Latin-1. */
  received(): string;
  /** Resolves once a connection has sent something. */
  readonly first: Promise<void>;
  close(): Promise<void>;
}

/** A server that writes down what arrives, and answers each request with `answer` if there is one. */
export async function startRecorder(answer?: string): Promise<Recorder> {
  let text = '';
  const sockets = new Set<Socket>();
  let told = () => {};
  const first = new Promise<void>((resolve) => {
    told = resolve;
  });
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding('latin1').on('error', () => {});
    let request = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
      request += chunk;
      told();
      if (answer !== undefined && isWhole(request)) socket.end(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    received: () => text,
    first,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** True once the body has arrived, as long as its Content-Length says. */
function isWhole(request: string): boolean {
  const head = request.indexOf('\r\n\r\n');
  const length = Number(/^content-length: *([0-9]+)/im.exec(request)?.[1] ?? 0);
  return head !== -1 && request.length >= head + 4 + length;
}

/** Header lines of `sign` for a raw request. */
export async function signedHead(
  method: string,
  url: string,
  args: readonly string[] = [],
): Promise<string> {
  const { stdout, stderr, code } = await runSigned(['sign', url, '-X', method, ...args]);
  if (code !== 0) throw new Error(stderr);
  const { host, pathname, search } = new URL(url);
  return `${method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${stdout.replaceAll('\n', '\r\n')}`;
}

/** Ends the head of a request after which the connection is closed. */
export const CLOSE = 'Connection: close\r\n\r\n';
/** Status of a raw answer. */
export const statusOf = (answer: string): number => Number(answer.split(' ')[1]);
/** JSON of a raw answer. */
export const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
