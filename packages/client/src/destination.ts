import { canonicalHost } from '@countersign/core';
import { parseRequestUrl } from './request-url.js';

const SLASH = 0x2f;

/**
 * Where requests go. Most go where the last one went: to take its origin as read saves a twentieth of signing.
 *
 * @example
 * const destination = new Destination();
 * const target = destination.targetOf('https://API.example.com/v1?a=1'); // '/v1?a=1', and destination.host is 'api.example.com'
 */
export class Destination {
  #origin = '';
  #host = '';

  /** The canonical host of the URL that was looked at last. */
  get host(): string {
    return this.#host;
  }

  /**
   * The request target, byte for byte as it will be sent.
   *
   * @throws TypeError if the URL cannot be signed
   */
  targetOf(url: string | URL): string {
    const text = typeof url !== 'string' && url instanceof URL ? url.href : url;
    const { length } = this.#origin;
    if (
      length > 0 &&
      typeof text === 'string' &&
      text.slice(0, length) === this.#origin && // startsWith takes three times as long
      text.charCodeAt(length) === SLASH
    ) {
      const fragment = text.indexOf('#', length);
      return fragment === -1 ? text.slice(length) : text.slice(length, fragment);
    }
    const { protocol, host, target } = parseRequestUrl(text);
    const canonical = canonicalHost(host);
    if (typeof canonical !== 'string') throw new TypeError(`url: ${canonical.detail}`);
    this.#host = canonical;
    this.#origin = text.slice(0, protocol.length + 2 + host.length);
    return target;
  }
}
