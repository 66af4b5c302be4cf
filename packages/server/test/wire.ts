import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Accepted,
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  type NonceStore,
  type RefusalCode,
  staticKeys,
  type Verifier,
  type VerifierOptions,
} from '@countersign/server';
import { answerClientErrors, protect, type VerifiedListener } from '@countersign/server/node';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
  Wire,
  type WireReply,
} from '@countersign/testkit';
import { afterAll, expect } from 'vitest';

export { Wire, type WireReply as Reply } from '@countersign/testkit';

/** How a server under test differs from the usual one. */
export interface RigOptions extends Partial<VerifierOptions> {
  readonly server?: ServerOptions;
  /** Answer what the parser refuses; true unless said otherwise. */
  readonly clientErrors?: boolean;
  readonly handler?: VerifiedListener;
  /** Stands in front of the protected listener. */
  readonly before?: (next: RequestListener) => RequestListener;
}

/** A real server behind a real verifier. */
export interface Rig {
  readonly server: Server;
  readonly port: number;
  readonly host: string;
  readonly verifier: Verifier;
  /** What the handler was called with, in order. */
  readonly accepted: Accepted[];
  /** Bytes that the process has taken from sockets, those of closed connections included. */
  bytesRead(): number;
  /** An honest request to this server, as a view; `url` is its path and query. */
  view(options?: SignedRequestOptions): SignedRequestView;
  open(): Promise<Wire>;
  /** Sends on a connection of its own and reads one answer. */
  send(request: SignedRequestView | Uint8Array | string): Promise<WireReply>;
}

const closers: (() => Promise<void>)[] = [];
// All at once, and at the end: one that has answered what is no HTTP is closed a second later.
afterAll(() => Promise.all(closers.map((close) => close())));

export const testKeys: KeyStore = staticKeys([
  TEST_KEY_ENTRY,
  { ...TEST_KEY_ENTRY, credential: 'sleeping', status: 'disabled' },
]);

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { server: serverOptions = {}, clientErrors = true, handler, before, ...rules } = options;
  const server = createServer(serverOptions);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const now = rules.now ?? Date.now;
  const nonces: NonceStore = rules.nonces ?? memoryNonceStore({ start: 'fresh', now });
  const verifier = createVerifier({ keys: testKeys, hosts: [host], ...rules, nonces });
  const accepted: Accepted[] = [];
  const listener = protect(verifier, (request, response, caller) => {
    accepted.push(caller);
    if (handler !== undefined) return handler(request, response, caller);
    return response.end(Buffer.from(caller.body));
  });
  server.on('request', before === undefined ? listener : before(listener));
  if (clientErrors) server.on('clientError', answerClientErrors(verifier));

  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  const wires: Wire[] = [];
  const open = async () => {
    const wire = await Wire.open(port);
    wires.push(wire);
    return wire;
  };
  closers.push(async () => {
    for (const wire of wires) wire.socket.destroy();
    const closed = new Promise((resolve) => server.close(() => resolve('closed')));
    // Nothing may keep a server open once its clients have gone.
    const outcome = await Promise.race([closed, sleep(1_500, 'still open', { ref: false })]);
    server.closeAllConnections();
    expect(outcome).toBe('closed');
  });
  return {
    server,
    port,
    host,
    verifier,
    accepted,
    bytesRead: () => [...sockets].reduce((sum, socket) => sum + socket.bytesRead, 0),
    view: ({ url = '/', ...request } = {}) =>
      signedRequest({ now, ...request, url: `http://${host}${url}` }),
    open,
    send: async (request) => {
      const wire = await open();
      wire.write(request);
      const reply = await wire.reply();
      wire.socket.destroy();
      return reply;
    },
  };
}

// Section 2 of the protocol, once more, so that the table in core is held to it.
const STATUS: Partial<Record<RefusalCode, number>> = {
  ...{ header_duplicated: 400, header_malformed: 400, target_malformed: 400 },
  ...{ host_malformed: 400, body_incomplete: 400, target_too_long: 414, headers_too_many: 431 },
  ...{ host_not_allowed: 421, permission_denied: 403, address_not_allowed: 403 },
  ...{ body_timeout: 408, body_too_large: 413, rate_limited: 429, body_unavailable: 500 },
  ...{ key_store_unavailable: 503, nonce_store_unavailable: 503, nonce_store_full: 503 },
};

/** The answer must be the problem document of this (public) code, whole and with the fields it needs. */
export function expectProblem(reply: WireReply, code: RefusalCode): void {
  const problem: unknown = JSON.parse(reply.body);
  const status = STATUS[code] ?? 401;
  expect(problem).toEqual({
    type: `urn:countersign:refusal:${code}`,
    title: expect.stringMatching(/\w/),
    status,
    detail: expect.stringMatching(/\w/),
    code,
  });
  expect(reply.status).toBe(status);
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('www-authenticate')).toBe(
    status === 401 ? `HMAC-256 realm="countersign", error="${code}"` : undefined,
  );
  const waits = status === 503 || status === 429;
  expect(reply.headers.get('retry-after') ?? '').toMatch(waits ? /^[1-9][0-9]*$/ : /^$/);
}
