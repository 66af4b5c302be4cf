import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach } from 'vitest';

/**
 * What happens to one connection:
 * - `resetBefore`: ended on the first byte of the request; the server never sees it
 * - `resetAfter`: ended on the first byte of the answer; the server has applied the request
 * - `duplicated`: the bytes of the request are sent to the server once more, on a connection of their own
 * - `delay`: milliseconds by which the answer is late
 * - `alter`: what the client gets for the bytes of the answer
 */
export interface Fault {
  readonly resetBefore?: true;
  readonly resetAfter?: true;
  readonly duplicated?: true;
  readonly delay?: number;
  readonly alter?: (answer: Buffer) => Buffer;
}

/** A TCP proxy on loopback with a fault for each connection to come; those without one pass. */
export interface FaultProxy {
  readonly origin: string;
  readonly host: string;
  /** For the next connections, in order. */
  readonly faults: Fault[];
  /** The bytes of each connection's requests. */
  readonly requests: Buffer[];
  /** What the server answered to duplicates. */
  readonly duplicates: string[];
  /** Unless it is, clients are told to use no connection twice, so that none of an earlier test is in their pools. */
  keepAlive: boolean;
  /** Ends the connections there are, and forgets all of the above. */
  clear(): Promise<void>;
}

const closers = {
  afterEach: [] as (() => Promise<unknown>)[],
  afterAll: [] as (() => Promise<unknown>)[],
};
afterEach(() => Promise.all(closers.afterEach.splice(0).map((close) => close())));
afterAll(() => Promise.all(closers.afterAll.splice(0).map((close) => close())));

/**
 * @param port - of the server, which may be told later: it has to know the host of the proxy
 * @param until - when it is closed
 */
export async function startFaultProxy(
  port: () => number,
  until: keyof typeof closers = 'afterEach',
): Promise<FaultProxy> {
  const faults: Fault[] = [];
  const requests: Buffer[] = [];
  const duplicates: string[] = [];
  const proxy = { faults, requests, duplicates, keepAlive: true };
  const sockets = new Set<Socket>();
  const known = (socket: Socket) => {
    sockets.add(socket);
    return socket.on('error', () => {});
  };
  const server = createServer({ noDelay: true }, (client) => {
    known(client);
    const fault = faults.shift() ?? {};
    const at = requests.push(Buffer.alloc(0)) - 1;
    const upstream = known(connect({ port: port(), host: '127.0.0.1', noDelay: true }));
    client.on('data', (bytes) => {
      requests[at] = Buffer.concat([requests[at] as Buffer, bytes]);
      if (fault.resetBefore) client.resetAndDestroy();
      else upstream.write(bytes);
    });
    let delayed = Promise.resolve();
    upstream.on('data', async (bytes) => {
      if (fault.resetAfter) {
        client.resetAndDestroy();
        return;
      }
      upstream.pause();
      if (fault.duplicated) duplicates.push(await again(port(), requests[at] as Buffer, known));
      if (fault.delay !== undefined) {
        delayed = sleep(fault.delay);
        await delayed;
      }
      const answer = proxy.keepAlive ? bytes : closing(bytes);
      if (!client.destroyed) client.write(fault.alter?.(answer) ?? answer);
      upstream.resume();
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => delayed.then(() => client.end()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers[until].push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clear = async () => {
    const open = [...sockets].filter((socket) => !socket.closed);
    await Promise.all(open.map((socket) => [socket.destroy(), once(socket, 'close')][1]));
    sockets.clear();
    await sleep(25); // for the clients to notice
    for (const list of [faults, requests, duplicates]) list.length = 0;
  };
  return Object.assign(proxy, { origin: `http://${host}`, host, clear });
}

/** The same answer, for a client that is to use the connection no more. Nobody signs that field. */
function closing(answer: Buffer): Buffer {
  const text = answer
    .toString('latin1')
    .replace(/\r\nConnection: keep-alive\r\n/i, '\r\nConnection: close\r\n');
  return Buffer.from(text, 'latin1');
}

/** Sends captured bytes once more, and gives the first of what is answered. */
async function again(
  port: number,
  bytes: Buffer,
  known: (socket: Socket) => Socket,
): Promise<string> {
  const socket = known(connect({ port, host: '127.0.0.1' }));
  socket.write(bytes);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString('latin1');
}
