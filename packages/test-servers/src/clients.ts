import { fileURLToPath } from 'node:url';
import { run } from './run.js';

export interface ClientOptions {
  readonly credential: string;
  readonly secret: string;
  /** `GET` unless said otherwise, `POST` with a body. */
  readonly method?: string;
  /** JSON text. */
  readonly body?: string;
  /** A PEM file with the authority to trust. */
  readonly caFile?: string;
  /** Where to connect to, such as `127.0.0.1:8443`, whatever the URL says. */
  readonly connect?: string;
}

export interface ClientAnswer {
  readonly status: number;
  readonly body: string;
}

const fileOf = (name: string) => fileURLToPath(new URL(`../src/clients/${name}`, import.meta.url));

/** Signs and sends with the standard library of Python. */
export function runPython(url: string, options: ClientOptions): Promise<ClientAnswer> {
  return runClient(['python3', fileOf('client.py')], url, options);
}

/** Signs and sends with openssl and curl. */
export function runShell(url: string, options: ClientOptions): Promise<ClientAnswer> {
  return runClient(['sh', fileOf('client.sh')], url, options);
}

async function runClient(
  [command, file]: readonly [string, string],
  url: string,
  { credential, secret, body, method, caFile, connect }: ClientOptions,
): Promise<ClientAnswer> {
  const printed = await run(
    command,
    [
      file,
      ...(caFile === undefined ? [] : ['--ca', caFile]),
      ...(connect === undefined ? [] : ['--connect', connect]),
      method ?? (body === undefined ? 'GET' : 'POST'),
      url,
      ...(body === undefined ? [] : [body]),
    ],
    {
      env: {
        PATH: process.env.PATH ?? '',
        COUNTERSIGN_CREDENTIAL: credential,
        COUNTERSIGN_SECRET: secret,
      },
    },
  );
  const end = printed.indexOf('\n');
  return { status: Number(printed.slice(0, end)), body: printed.slice(end + 1) };
}
