import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  type Verifier,
} from '@countersign/server';
import type { ServeOptions } from '../commands/serve.js';
import { asUsage, systemCode, unavailable, usage } from '../exit.js';
import { HEAD_LIMITS } from '../head-limits.js';
import { keysOfFile } from '../keys.js';
import { wholeNumber } from '../options.js';
import { note, print } from '../output.js';
import { answerRequests } from './answer-requests.js';
import { logged } from './logged.js';

// Requests that are being answered get this long (ms) once the server is to end.
const GRACE = 300;

/** Runs the service until SIGTERM or SIGINT. */
export async function serve(options: ServeOptions): Promise<void> {
  const port = wholeNumber('--port', options.port);
  if (port > 65_535) throw usage(`--port "${options.port}": expected a number up to 65535`);
  const keys = await keysOfFile(options.keys);
  verifierFor(options, keys, 0); // bad options are told before the port is taken

  const server = createServer(HEAD_LIMITS);
  await listen(server, port);
  const actual = (server.address() as AddressInfo).port;
  const verifier = verifierFor(options, keys, actual);
  const started = Math.floor(Date.now() / 1000);
  answerRequests(server, options.verbose ? logged(verifier) : verifier);
  endOnSignals(server);
  if (options.fresh) {
    note('countersign: serve: --fresh: requests that an earlier run accepted can be replayed');
  } else {
    // The store refuses what is dated up to the second it started in.
    while (Date.now() < (started + 1) * 1000) await sleep((started + 1) * 1000 - Date.now());
  }
  if (server.listening) print(`listening on http://127.0.0.1:${actual}`);
}

function verifierFor(options: ServeOptions, keys: KeyStore, port: number): Verifier {
  const skew = options.skew === undefined ? 300 : wholeNumber('--skew', options.skew);
  return asUsage(
    () =>
      createVerifier({
        keys,
        nonces: memoryNonceStore({ skew, start: options.fresh ? 'fresh' : 'normal' }),
        hosts: options.host ?? [`localhost:${port}`, `127.0.0.1:${port}`],
        skew,
        disclosure: options.disclosure,
        presigned: options.presigned ?? false,
        signResponses: options.signResponses ?? false,
      }),
    (message) => message.replace(/^hosts\[[0-9]+\]:/, '--host:').replace(/^skew:/, '--skew:'),
  );
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = systemCode(error);
      reject(
        unavailable(
          code === 'EADDRINUSE'
            ? `port ${port} of 127.0.0.1 is in use; end what listens there, or give another --port`
            : `cannot listen on port ${port} of 127.0.0.1 (${code}); give another --port`,
        ),
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}

function endOnSignals(server: Server): void {
  const end = () => {
    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), GRACE).unref();
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}
