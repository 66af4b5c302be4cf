import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { BodySource, RequestView } from '../request-view.js';
import { nodeBody } from './node-body.js';

/** A request of `node:http`, or of `node:http2` by its compatible interface. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What a framework keeps elsewhere than Node does. */
export interface NodeRequestParts {
  /** The target as on the request line, where `request.url` was cut by a router. */
  readonly target?: string | undefined;
  /** Bytes that somebody kept while a parser read them. */
  readonly rawBody?: Uint8Array | undefined;
  /** Reads the body in place of the one that reads it from the request. */
  readonly body?: BodySource | undefined;
  /** Lays the bytes beside the stream, as `request.rawBody`, where they had to be read from it and put back. */
  readonly keepsRawBody?: boolean | undefined;
  /** What to do if a parser read the body first, for the refusal. */
  readonly advice?: string | undefined;
}

/** The request as the pipeline sees it. Trailers are never looked at. */
export function nodeRequestView(
  request: NodeRequest,
  response?: NodeResponse,
  parts: NodeRequestParts = {},
): RequestView {
  const socket = request.socket as
    | { server?: { maxHeadersCount?: number | null }; remoteAddress?: string; encrypted?: boolean }
    | undefined;
  return {
    method: request.method as string,
    target: parts.target ?? request.url ?? '',
    headers: isHttp2(request) ? withHost(request.rawHeaders) : request.rawHeaders,
    body: hasBody(request)
      ? (parts.rawBody ?? parts.body ?? nodeBody(request, response, parts))
      : undefined,
    remoteAddress: socket?.remoteAddress,
    secure: socket?.encrypted === true,
    maxHeaders: (isHttp2(request) ? undefined : socket?.server?.maxHeadersCount) || undefined, // 0 and null mean no limit of the server's own
  };
}

export function isHttp2(request: NodeRequest): request is Http2ServerRequest {
  return request.httpVersionMajor === 2 && 'stream' in request;
}

/** HTTP/1.1 has no body without one of the two fields (RFC 9112 §6.3); HTTP/2 tells by whether the stream has ended. */
export function hasBody(request: NodeRequest): boolean {
  if (isHttp2(request)) return !request.stream.endAfterHeaders;
  const { headers } = request;
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** `:authority` is `host` (RFC 9113 §8.3.1). A `host` that says something else stays beside it, and is a duplicate. */
function withHost(raw: readonly string[]): readonly string[] {
  const headers: string[] = [];
  let authority: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [raw[i] as string, raw[i + 1] as string];
    if (name === ':authority') authority = value;
    else if (!name.startsWith(':') && !(name === 'host' && value === authority)) {
      headers.push(name, value);
    }
  }
  return authority === undefined ? headers : ['host', authority, ...headers];
}
