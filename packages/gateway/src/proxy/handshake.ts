import { hasBody, isHttp2, type NodeRequest } from '@countersign/server/node';

/** What a connection may be turned into unless the configuration says otherwise. */
export const UPGRADES: readonly string[] = ['websocket'];

// 16 bytes (RFC 6455 §4.1).
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
// Whoever speaks these sends requests that nobody would verify.
const HIDES_REQUESTS = /^(?:h2c?|http|tls)(?![a-z])/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+(?:\/[!#$%&'*+\-.^_`|~\w]+)?$/;

/**
 * Names of protocols as they are compared.
 *
 * @throws TypeError for one that is none, or that carries requests
 */
export function upgradesOf(names: readonly string[]): readonly string[] {
  const bad = names.find((name) => !TOKEN.test(name) || HIDES_REQUESTS.test(name));
  if (bad === undefined) return names.map((name) => name.toLowerCase());
  throw new TypeError(
    TOKEN.test(bad)
      ? `upgrades: ${bad} carries requests that nobody would verify`
      : 'upgrades: expected names of protocols, such as websocket',
  );
}

/**
 * True if a request begins one of these protocols, and nothing else: a GET of HTTP/1.1 without a body, with one name in
 * Upgrade, and what RFC 6455 §4.2.1 asks of a WebSocket.
 */
export function isHandshake(request: NodeRequest, protocols: readonly string[]): boolean {
  if (isHttp2(request) || request.httpVersion !== '1.1' || request.method !== 'GET') return false;
  // Fields that occur twice come joined with a comma, which fits none of these.
  const { headers } = request;
  const name = headers.upgrade?.toLowerCase();
  if (name === undefined || !protocols.includes(name) || hasBody(request)) return false;
  if (name !== 'websocket') return true;
  return headers['sec-websocket-version'] === '13' && KEY.test(headers['sec-websocket-key'] ?? '');
}
