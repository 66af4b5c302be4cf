import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  createVerifier,
  memoryNonceStore,
  staticKeys,
  type Verifier,
  type VerifierOptions,
} from '@countersign/server';
import { protect, verifyBeforeContinue } from '@countersign/server/node';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
} from '@countersign/testkit';
import { afterEach } from 'vitest';

const HOST = 'api.example.com';
const servers: Http2Server[] = [];
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const server of servers.splice(0))
    await new Promise<void>((done) => server.close(() => done()));
});

/** A handler behind the verifier. */
export type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => unknown;
/** What of the server differs from test to test. */
export interface RigOptions extends Partial<VerifierOptions> {
  readonly handler: Handler;
  readonly route?: (verifier: Verifier) => Verifier;
}

/** A server of HTTP/2 in clear text that verifies before it continues; gives a session with it. */
export async function startHttp2({ handler, route = (same) => same, ...rules }: RigOptions) {
  const nonces = memoryNonceStore({ start: 'fresh' });
  const keys = staticKeys([TEST_KEY_ENTRY]);
  const verifier = createVerifier({ keys, nonces, hosts: [HOST], ...rules });
  let handled = 0;
  const server = createServer(
    protect<Http2ServerRequest, Http2ServerResponse>(route(verifier), (request, response) => {
      handled++;
      return handler(request, response);
    }),
  );
  verifyBeforeContinue(server);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`);
  sessions.push(session);
  return { session, nonces, handled: () => handled };
}

/** An honest request. */
export const signed = (more: SignedRequestOptions = {}) =>
  signedRequest({
    method: 'POST',
    url: `https://${HOST}/v1/orders`,
    headers: { 'Content-Type': 'text/plain' },
    body: 'two of A-1',
    now: Date.now,
    ...more,
  });

/** Sends the header; the body is for the test to send. */
export function open(session: ClientHttp2Session, view: SignedRequestView, more: object = {}) {
  const fields: Record<string, string> = {};
  view.headers.forEach((text, i) => {
    const name = view.headers[i - 1]?.toLowerCase();
    if (i % 2 === 1 && name !== 'host') fields[name as string] = text;
  });
  const pseudo = { ':method': view.method, ':path': view.target, ':authority': HOST };
  return session.request({ ...pseudo, ...fields, ...more }, { endStream: false });
}

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = once(stream, 'end'); // the refusal of a body that was not sent ends before the stream does
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  await ended;
  return { status: Number(headers[':status']), headers, body: Buffer.concat(pieces) };
}

export async function send(session: ClientHttp2Session, view: SignedRequestView): Promise<Answer> {
  const stream = open(session, view);
  stream.end(view.body);
  return answerOf(stream);
}
