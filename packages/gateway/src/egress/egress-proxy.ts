import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createSigner, ResponseFaultError, type SignerOptions } from '@countersign/client';
import { signedDispatcher } from '@countersign/client/undici';
import { canonicalTarget } from '@countersign/core';
import { createPolicy } from '@countersign/server/policy';
import { type Dispatcher, Pool } from 'undici';
import { pathOf } from '../observe/path-of.js';
import { Busy } from '../proxy/busy.js';
import { connectionOptions } from '../proxy/forwarded-fields.js';
import { HOP_BY_HOP } from '../proxy/hop-by-hop.js';
import { type GatewayCode, sendProblem } from '../proxy/problem.js';
import { Relay, type RelayEnd } from '../proxy/relay.js';
import { wholeBody } from './whole-body.js';

/** A key, and the requests that it signs. */
export interface EgressRoute
  extends Pick<SignerOptions, 'credential' | 'algorithm' | 'signedHeaders'> {
  readonly secret: string;
  /** As in a policy, such as `/v1/billing/**`. */
  readonly path: string;
}

/** Where requests are sent, and who signs them. */
export interface EgressOptions extends Omit<EgressRoute, 'path'> {
  /** Such as `https://api.example.com`. */
  readonly origin: string;
  /** Requests that another key signs; the first that fits counts. */
  readonly routes?: readonly EgressRoute[] | undefined;
  /** The names that requests may address the proxy by, such as `127.0.0.1:7000`; any unless given. */
  readonly hosts?: ReadonlySet<string> | undefined;
  /** How often a request that may be sent again is; 0 unless said otherwise. Each is signed anew. */
  readonly retries?: number | undefined;
  readonly requireSignedResponse?: boolean | undefined;
  /** Most bytes of a body, which is held until it is signed; 10 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
  /** Milliseconds that a body may take to arrive; 10,000 unless said otherwise. */
  readonly bodyTimeout?: number | undefined;
  /** Milliseconds without a byte of the answer; 30,000 unless said otherwise. */
  readonly timeout?: number | undefined;
  /** PEM of the authority of the origin's certificate, if it is not a public one. */
  readonly ca?: string | undefined;
  /** Is told of each answer. */
  readonly onAnswer?: ((told: EgressAnswer) => void) | undefined;
}

/** One request that was sent out, or was not. */
export interface EgressAnswer {
  readonly method: string;
  readonly path: string;
  readonly credential: string | undefined;
  readonly status: number;
  readonly fault: GatewayCode | undefined;
  readonly ms: number;
}

export interface EgressProxy {
  readonly listener: RequestListener;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

interface Sender {
  readonly credential: string;
  readonly fits: (path: string) => boolean;
  readonly dispatcher: Dispatcher;
}

// Of the caller's own fields those that the signer makes, and those of the connection.
const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...['host', 'authorization', 'date', 'x-date', 'x-nonce', 'content-digest', 'content-length'],
]);

/**
 * Signs what is sent to it, and sends it on to one origin; for services that cannot sign by themselves. Whoever reaches it
 * signs, so it takes no request of a web page: none with Origin or Sec-Fetch-Site, none by another name of the host.
 *
 * @throws TypeError or RangeError that begins with the path of the bad value
 */
export function createEgressProxy(options: EgressOptions): EgressProxy {
  const { origin, ca, timeout = 30_000 } = options;
  const pool = new Pool(origin, {
    connections: 128,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    connect: { timeout: 5_000, ...(ca === undefined ? {} : { ca }) },
  });
  const senders = [...(options.routes ?? []), { ...options, path: '/**' }].map(
    (route, i, { length }) =>
      senderOf(route, options, pool, i === length - 1 ? '' : `routes[${i}].`),
  );
  const busy = new Busy();
  return {
    listener(request, response) {
      // Whatever fails, the caller is answered, and nobody else is harmed.
      const answering = answer(options, senders, request, response).catch(() =>
        sendProblem(response, 'gateway_failed'),
      );
      void busy.during(answering);
    },
    async close() {
      // The pool knows of none whose body is still to come.
      await busy.idle();
      await pool.close();
    },
  };
}

function senderOf(route: EgressRoute, options: EgressOptions, pool: Pool, at: string): Sender {
  const { credential, secret, algorithm, signedHeaders, path } = route;
  try {
    const policy = createPolicy({
      routes: [{ path, methods: ['*'] }],
      allowInPath: ['%2F', '%5C', ';'],
    });
    const { origin, retries = 0, requireSignedResponse } = options;
    const signer = createSigner({ credential, secret, algorithm, signedHeaders });
    const dispatcher = signedDispatcher(pool, signer, {
      origins: [origin],
      requireSignedResponse,
      retry: retries === 0 ? false : { maxRetries: retries, minTimeout: 100 },
    });
    const fits = (target: string) =>
      policy.decide({ credential: '', method: 'GET', target }).allowed;
    return { credential, fits, dispatcher };
  } catch (error) {
    throw new TypeError(`${at}${(error as Error).message.replace(/^routes\[0\]\./, '')}`);
  }
}

async function answer(
  options: EgressOptions,
  senders: readonly Sender[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const start = performance.now();
  const { method = '', url: path = '' } = request;
  let credential: string | undefined;
  const tell = (fault: GatewayCode | undefined) => {
    const ms = Math.round((performance.now() - start) * 1000) / 1000;
    const told = { method, path: pathOf(path), credential, fault, ms };
    options.onAnswer?.({ ...told, status: response.statusCode });
  };
  const fail = (fault: GatewayCode) => {
    if (!request.complete) response.shouldKeepAlive = false;
    sendProblem(response, fault);
    tell(fault);
  };
  const unwelcome = faultIn(request, options.hosts);
  if (unwelcome !== undefined) return fail(unwelcome);
  const target = canonicalTarget(path);
  if (typeof target !== 'string') return fail('request_unsignable');
  const plain = target.split('?', 1)[0] as string;
  const sender = senders.find(({ fits }) => fits(plain)) as Sender;
  credential = sender.credential;
  const { maxBodyBytes: maxBytes = 10 * 1024 * 1024, bodyTimeout = 10_000 } = options;
  const body = await wholeBody(request, { maxBytes, timeout: bodyTimeout });
  if (typeof body === 'string') return fail(body);
  const end = await send(sender, options.origin, request, body, response);
  if (end.fault === undefined) return tell(undefined);
  // What came as an answer, and is none, is no fault of the request.
  fail(end.fault === 'upstream_malformed' ? end.fault : (faultOfError(end.error) ?? end.fault));
}

function faultIn(
  { headers, rawHeaders }: IncomingMessage,
  hosts: ReadonlySet<string> | undefined,
): GatewayCode | undefined {
  // Of two, Node tells the first (RFC 9112 §3.2 has them refused).
  const named = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host');
  const isOther = hosts !== undefined && !hosts.has((headers.host ?? '').toLowerCase());
  if (named.length > 1 || isOther) return 'host_not_allowed';
  // Browsers send it with every request to this machine; Sec-Fetch-Mode alone, Node's fetch does too.
  const isOfBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  return isOfBrowser ? 'browser_not_allowed' : undefined;
}

function send(
  { dispatcher }: Sender,
  origin: string,
  request: IncomingMessage,
  body: Buffer | null,
  response: ServerResponse,
): Promise<RelayEnd> {
  const { method = '', url: path = '', rawHeaders } = request;
  const named = connectionOptions(rawHeaders);
  const headers: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const isOfConnection = named.includes(name.toLowerCase());
    if (!DROPPED.has(name.toLowerCase()) && !isOfConnection) {
      headers.push(name, rawHeaders[i + 1] as string);
    }
  }
  return new Promise((resolve) => {
    const relay = new Relay(response, { http2: false, ended: resolve });
    dispatcher.dispatch({ origin, path, method: method as 'GET', headers, body }, relay);
  });
}

/** What came of signing, not of the connection. */
function faultOfError(error: Error | undefined): GatewayCode | undefined {
  if (error instanceof ResponseFaultError) return 'response_unsigned';
  return error instanceof TypeError || error instanceof RangeError
    ? 'request_unsignable'
    : undefined;
}
