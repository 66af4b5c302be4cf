import { chmodSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { isIP } from 'node:net';
import { isMainThread } from 'node:worker_threads';

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `unix:/run/gateway.sock`. */
export type Address = string;

/**
 * Begins to listen; rejects with one line that says what to do.
 *
 * @param isPrivate - true for a socket of Unix that nobody but its owner may reach from the moment that it is there
 */
export async function listen(
  server: Server,
  address: Address,
  at: string,
  isPrivate = false,
): Promise<void> {
  const where = address.startsWith('unix:') ? { path: address.slice(5) } : partsOf(address);
  if ('path' in where) await rm(where.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'something else listens there' : error.code;
      reject(new TypeError(`${at}: cannot listen on ${address} (${why})`));
    };
    server.once('error', failed);
    const start = () =>
      server.listen(where, () => {
        server.off('error', failed);
        resolve();
      });
    if (isPrivate && 'path' in where) withMask(0o177, start);
    else start();
  });
}

/** A socket has the mode of its file, and the file that of the mask; Node binds before `listen` returns. */
function withMask(mask: number, act: () => void): void {
  // Only there can it be changed.
  const before = isMainThread ? process.umask(mask) : undefined;
  try {
    act();
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

/** Who may reach a socket of Unix: its owner, and its group too. */
export function settleMode(address: Address, allowGroup: boolean): void {
  if (address.startsWith('unix:')) chmodSync(address.slice(5), allowGroup ? 0o660 : 0o600);
}

/** Where it listens, with the port that was free if that was 0. */
export function addressOf(server: Server): Address {
  const address = server.address();
  if (typeof address === 'string') return `unix:${address}`;
  if (address === null) throw new Error('it does not listen');
  const { address: host, port } = address;
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

export function partsOf(address: Address): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (port > 65_535) throw new TypeError(`listen: ${address}: expected a port up to 65535`);
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}

/** True if only this machine can reach it. */
export function isLocal(address: Address): boolean {
  if (address.startsWith('unix:')) return true;
  const { host } = partsOf(address);
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
