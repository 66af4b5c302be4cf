import { rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { isIP } from 'node:net';

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `unix:/run/gateway.sock`. */
export type Address = string;

/** Begins to listen; rejects with one line that says what to do. */
export async function listen(server: Server, address: Address, at: string): Promise<void> {
  const where = address.startsWith('unix:') ? { path: address.slice(5) } : partsOf(address);
  if ('path' in where) await rm(where.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'something else listens there' : error.code;
      reject(new TypeError(`${at}: cannot listen on ${address} (${why})`));
    };
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
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
