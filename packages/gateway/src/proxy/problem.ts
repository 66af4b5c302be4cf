import { constants, type Http2ServerResponse } from 'node:http2';
import type { NodeResponse } from '@countersign/server/node';

/** What the gateway answers where neither a verdict nor upstream does. */
export type GatewayCode =
  | 'upstream_unavailable'
  | 'upstream_malformed'
  | 'upstream_timeout'
  | 'gateway_failed'
  | 'gateway_stopping'
  | 'throttled'
  | 'host_not_allowed'
  | 'browser_not_allowed'
  | 'body_too_large'
  | 'body_incomplete'
  | 'body_timeout'
  | 'request_unsignable'
  | 'response_unsigned'
  | 'response_too_long';

const PROBLEMS: Readonly<Record<GatewayCode, readonly [status: number, title: string]>> = {
  upstream_unavailable: [502, 'The service behind the gateway does not answer'],
  upstream_malformed: [502, 'The service behind the gateway answered with what is no response'],
  upstream_timeout: [504, 'The service behind the gateway takes too long'],
  gateway_failed: [500, 'The gateway failed'],
  gateway_stopping: [503, 'The gateway listens here no more'],
  host_not_allowed: [421, 'The signing proxy is addressed by another name'],
  browser_not_allowed: [403, 'The signing proxy does not sign for web pages'],
  body_too_large: [413, 'The body is longer than the signing proxy holds'],
  body_timeout: [408, 'The body did not arrive in time'],
  body_incomplete: [400, 'The body did not arrive whole'],
  request_unsignable: [400, 'The request cannot be signed'],
  response_unsigned: [502, 'The answer had to be signed, and is not'],
  response_too_long: [502, 'The answer is too long to be signed'],
  throttled: [429, 'Too many refused requests came from there'],
};

/** An answer as RFC 9457 has it. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function problemOf(code: GatewayCode, retryAfter?: number): Problem {
  const [status, title] = PROBLEMS[code];
  const type = `urn:countersign:gateway:${code}`;
  const body = `${JSON.stringify({ type, title, status, code })}\n`;
  const headers = {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'Content-Length': `${Buffer.byteLength(body)}`,
    ...(retryAfter === undefined ? {} : { 'Retry-After': `${retryAfter}` }),
  };
  return { status, headers, body };
}

/** Answers in place of upstream; of an answer that has begun nothing better can be made than one that is cut short. */
export function sendProblem(response: NodeResponse, code: GatewayCode, retryAfter?: number): void {
  if (response.headersSent) {
    cutShort(response);
    return;
  }
  const { status, headers, body } = problemOf(code, retryAfter);
  (response as { writeHead(status: number, headers: object): unknown }).writeHead(status, headers);
  response.end(body);
}

/** Ends an answer so that nobody takes it for whole: a stream of HTTP/2 that is merely destroyed ends as if it were. */
function cutShort(response: NodeResponse): void {
  const { stream } = response as Partial<Http2ServerResponse>;
  if (stream === undefined) response.destroy();
  else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}
