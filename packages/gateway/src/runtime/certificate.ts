import { createSecureContext } from 'node:tls';
import type { ProxyConfig } from '../config/config.js';
import { type References, readText } from '../config/reference.js';

/** PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** @throws TypeError that begins with the path of the bad value, and does not repeat it */
export function certificateOf(
  tls: NonNullable<ProxyConfig['tls']>,
  references: References,
): Certificate {
  const certificate = {
    cert: readText(references, tls.cert, 'proxy.tls.cert'),
    key: readText(references, tls.key, 'proxy.tls.key'),
  };
  for (const [path, one] of [
    ['proxy.tls.cert', { cert: certificate.cert }],
    ['proxy.tls.key', { key: certificate.key }],
    ['proxy.tls', certificate],
  ] as const) {
    try {
      createSecureContext(one);
    } catch (error) {
      const { reason, message } = error as Error & { reason?: string };
      throw new TypeError(`${path}: cannot be used (${reason ?? message})`);
    }
  }
  return certificate;
}
