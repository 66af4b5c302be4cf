import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What happens to every connection, new or old, from now on:
 * - `pass`: nothing
 * - `refuse`: nobody listens, and what was connected is reset
 * - `hang`: no byte moves; what is held moves on once this is over
 * - `resetBefore`: reset on the first bytes of a request, which the server never sees
 * - `loseReply`: reset on the first bytes of a reply; the server has done what it was asked
 * - `dropReply`: the reply is lost, the connection stays
 * - `slow`: replies are late by so many milliseconds
 * - `alter`: the client gets these bytes instead of a reply
 * - `respond`: the client gets these bytes instead of what the server would have said, and the server sees nothing;
 *   `undefined` passes the request on
 */
export type Fault =
  | { readonly kind: SimpleFault }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  | { readonly kind: 'alter'; alter(reply: Buffer): Buffer }
  | { readonly kind: 'respond'; respond(request: Buffer): Buffer | undefined };

/** A fault that needs no more than its name. */
export type SimpleFault = 'pass' | 'refuse' | 'hang' | 'resetBefore' | 'loseReply' | 'dropReply';

/** A TCP proxy on loopback whose faults can be switched while connections are open. */
export interface FaultProxy {
  readonly port: number;
  /** How many connections were made so far. */
  readonly connections: number;
  /** The bytes that clients have sent since the last fault was set. */
  readonly sent: number;
  /** Resolves when the fault is in force. */
  set(fault: Fault | SimpleFault): Promise<void>;
  /** Resets the connections there are. */
  sever(): void;
  close(): Promise<void>;
}

/**
 * Starts one in front of a port of 127.0.0.1.
 *
 * @example
 * const proxy = await startFaultProxy(redis.port);
 * await proxy.set('hang');
 */
export async function startFaultProxy(upstreamPort: number): Promise<FaultProxy> {
  const proxy = new TcpProxy(upstreamPort);
  await proxy.listen();
  return proxy;
}

class TcpProxy implements FaultProxy {
  readonly #upstreamPort: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #fault: Fault = { kind: 'pass' };
  port = 0;
  connections = 0;
  sent = 0;

  constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
  }

  async listen(): Promise<void> {
    const server = createServer({ noDelay: true }, (client) => this.#relay(client));
    this.#server = server;
    await once(server.listen(this.port, '127.0.0.1'), 'listening');
    this.port = (server.address() as AddressInfo).port;
  }

  async set(fault: Fault | SimpleFault): Promise<void> {
    const next: Fault = typeof fault === 'string' ? { kind: fault } : fault;
    this.#fault = next;
    this.sent = 0;
    if (next.kind === 'refuse') await this.#stopListening();
    else if (this.#server === undefined) await this.listen();
    for (const socket of this.#sockets) {
      if (next.kind === 'hang') socket.pause();
      else socket.resume();
    }
  }

  sever(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    this.sever();
    await closed;
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#fault.kind === 'hang') socket.pause();
    return socket;
  }

  #relay(client: Socket): void {
    this.connections++;
    this.#track(client);
    const upstream = this.#track(
      connect({ port: this.#upstreamPort, host: '127.0.0.1', noDelay: true }),
    );
    client.on('data', (bytes) => this.#request(bytes, client, upstream));
    let replied = Promise.resolve();
    upstream.on('data', (bytes) => {
      replied = replied.then(() => this.#reply(bytes, client));
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  }

  #request(bytes: Buffer, client: Socket, upstream: Socket): void {
    this.sent += bytes.length;
    if (this.#fault.kind === 'resetBefore') {
      client.resetAndDestroy();
      return;
    }
    const instead = this.#fault.kind === 'respond' ? this.#fault.respond(bytes) : undefined;
    if (instead !== undefined) client.write(instead);
    else upstream.write(bytes);
  }

  async #reply(bytes: Buffer, client: Socket): Promise<void> {
    switch (this.#fault.kind) {
      case 'dropReply':
        return;
      case 'loseReply':
        client.resetAndDestroy();
        return;
      case 'slow':
        await delay(this.#fault.milliseconds);
        break;
      case 'alter':
        client.write(this.#fault.alter(bytes));
        return;
    }
    if (!client.destroyed) client.write(bytes);
  }
}
