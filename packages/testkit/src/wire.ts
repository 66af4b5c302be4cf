import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { SignedRequestView } from './signed-request.js';
import { toHttp1 } from './to-http1.js';

/** One HTTP/1.1 answer as it came over the socket. */
export interface WireReply {
  readonly status: number;
  /** Lower-case names; of fields that occur twice, the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** UTF-8, its chunks joined. */
  readonly body: string;
}

/** A raw connection to 127.0.0.1 that sends any bytes, which no polite client would, and reads the answers. */
export class Wire {
  #received = Buffer.alloc(0);
  #closed = false;
  #changed: () => void = () => {};

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    socket.on('error', () => {}); // a reset is an outcome; 'close' follows
    socket.on('close', () => {
      this.#closed = true;
      this.#changed();
    });
  }

  /** @throws Error with the code of the system if nobody listens there */
  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /** Sends a request as it stands, or any bytes; a string stands for ISO 8859-1. */
  write(data: SignedRequestView | Uint8Array | string): this {
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data instanceof Uint8Array ? data : toHttp1(data));
    return this;
  }

  /**
   * The next answer.
   *
   * @param to - method of the request it answers; `HEAD` has no body, whatever the fields say
   * @throws Error if the connection is closed before the answer is whole
   */
  async reply(to = 'GET'): Promise<WireReply> {
    for (;;) {
      const reply = this.#take(to);
      if (reply !== undefined) return reply;
      if (this.#closed) {
        throw new Error(`closed after ${JSON.stringify(this.#received.toString('latin1'))}`);
      }
      await this.#change();
    }
  }

  /** Resolves once the connection is closed, with what came and was no whole answer. */
  async closed(): Promise<string> {
    while (!this.#closed) await this.#change();
    return this.#received.toString('latin1');
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  #take(to: string): WireReply | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [line = '', ...fields] = this.#received.toString('latin1', 0, end).split('\r\n');
    const headers = new Map<string, string>();
    for (const field of fields) {
      const colon = field.indexOf(': ');
      headers.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 2));
    }
    const status = Number(line.split(' ')[1]);
    const start = end + 4;
    const bodiless = to === 'HEAD' || status < 200 || status === 204 || status === 304;
    const body = bodiless
      ? { bytes: [], end: start }
      : headers.get('transfer-encoding') === 'chunked'
        ? chunks(this.#received, start)
        : piece(this.#received, start, Number(headers.get('content-length') ?? 0));
    if (body === undefined) return undefined;
    this.#received = this.#received.subarray(body.end);
    return { status, headers, body: Buffer.concat(body.bytes).toString('utf8') };
  }
}

interface Body {
  readonly bytes: readonly Uint8Array[];
  readonly end: number;
}

function piece(received: Buffer, start: number, length: number): Body | undefined {
  const end = start + length;
  return received.length < end ? undefined : { bytes: [received.subarray(start, end)], end };
}

function chunks(received: Buffer, start: number): Body | undefined {
  const bytes: Uint8Array[] = [];
  for (let at = start; ; ) {
    const data = received.indexOf('\r\n', at) + 2;
    if (data === 1) return undefined;
    const size = Number.parseInt(received.toString('latin1', at, data), 16);
    at = data + size + 2;
    if (received.length < at) return undefined;
    if (size === 0) return { bytes, end: at };
    bytes.push(received.subarray(data, data + size));
  }
}
