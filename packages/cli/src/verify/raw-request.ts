import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HeaderFields, type Refusal } from '@countersign/core';
import type { Verdict, Verifier } from '@countersign/server';
import { nodeRequestView, parserRefusal } from '@countersign/server/node';
import { usage } from '../exit.js';
import { HEAD_LIMITS } from '../head-limits.js';

/** A verdict on a request that was read from bytes. */
export interface CheckedRequest {
  readonly verdict: Verdict;
  /** `undefined` if the parser did not get as far. */
  readonly method: string | undefined;
}

/**
 * Has Node's own HTTP server read the bytes, without a port, so that nothing is accepted here that a service would not
 * even see.
 *
 * @param verifierFor - the verifier for a request with these fields
 */
export async function checkRawRequest(
  bytes: Buffer,
  verifierFor: (fields: HeaderFields) => Verifier,
): Promise<CheckedRequest> {
  if (bytes.includes('\n') && !bytes.includes('\r\n')) {
    throw usage(
      'the lines of the request end in LF alone; on the wire they end in CR LF: capture the bytes, or convert the head',
    );
  }
  const reading = new Reading(verifierFor);
  await reading.feed(bytes);
  return reading.outcome();
}

/** A connection whose other end only sends. */
class Wire extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }
}

class Reading {
  readonly #wire = new Wire();
  readonly #verifierFor: (fields: HeaderFields) => Verifier;
  #request: IncomingMessage | undefined;
  #verdict: Promise<Verdict> | undefined;
  #fault: Refusal | undefined;
  #hasMore = false;

  constructor(verifierFor: (fields: HeaderFields) => Verifier) {
    this.#verifierFor = verifierFor;
    this.#wire.on('error', () => {});
    this.#server().emit('connection', this.#wire);
  }

  /** Hands the bytes to the parser, the body in pieces, to see where the request ends. */
  async feed(bytes: Buffer): Promise<void> {
    // A parser skips empty lines before the request.
    const begin = bytes.findIndex((byte) => byte !== 0x0d && byte !== 0x0a);
    const end = bytes.indexOf('\r\n\r\n', Math.max(begin, 0));
    let at = end === -1 ? bytes.length : end + 4;
    await this.#push(bytes.subarray(0, at));
    // What follows a CONNECT belongs to no request.
    if (this.#request?.method === 'CONNECT') at = bytes.length;
    while (at < bytes.length && this.#fault === undefined) {
      if (this.#request?.complete) {
        this.#hasMore = true;
        break;
      }
      const next = this.#pieceEnd(bytes, at);
      await this.#push(bytes.subarray(at, next));
      at = next;
    }
    this.#wire.push(null);
    await nextTurn();
  }

  /** The request cannot end within a piece: it ends with its Content-Length, or with a line if it is chunked. */
  #pieceEnd(bytes: Buffer, at: number): number {
    const headers = this.#request?.headers;
    if (headers?.['transfer-encoding'] !== undefined) {
      const lineFeed = bytes.indexOf('\n', at);
      return lineFeed === -1 ? bytes.length : lineFeed + 1;
    }
    const length = headers?.['content-length'];
    return length === undefined ? bytes.length : at + Math.max(Number(length), 1);
  }

  async outcome(): Promise<CheckedRequest> {
    const verdict = await this.#verdict;
    this.#wire.destroy();
    if (this.#hasMore) {
      throw usage('bytes follow the request; give one request, as long as its Content-Length says');
    }
    if (this.#fault !== undefined) return { verdict: this.#fault, method: this.#request?.method };
    if (verdict === undefined) throw usage('there is no request in the input; give its bytes');
    return { verdict, method: this.#request?.method };
  }

  async #push(piece: Buffer): Promise<void> {
    if (piece.length > 0) this.#wire.push(piece);
    await nextTurn();
  }

  #server(): Server {
    const server = createServer(HEAD_LIMITS);
    const take = (request: IncomingMessage) => this.#take(request);
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect']) {
      server.on(event, take);
    }
    server.on('clientError', (error: NodeJS.ErrnoException) => this.#fail(error));
    return server;
  }

  #take(request: IncomingMessage): void {
    if (this.#request !== undefined) {
      this.#hasMore = true;
      return;
    }
    this.#request = request;
    const view = nodeRequestView(request);
    this.#verdict = this.#verifierFor(new HeaderFields(view.headers)).verify(view);
    // What is left unread of a refused body would hide its end.
    this.#verdict.then(() => request.resume());
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#request?.complete) this.#hasMore = true;
    // Bytes that end within a body are the body's fault, which the verifier tells once the connection is gone.
    else if (this.#request === undefined || error.code !== 'HPE_INVALID_EOF_STATE') {
      this.#fault = parserRefusal(error.code);
    }
    this.#wire.destroy();
  }
}
