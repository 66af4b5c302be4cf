import {
  canonicalHost,
  canonicalTarget,
  formatBasicDate,
  MAX_EXPIRES,
  presignedStringToSign,
} from '@countersign/core';
import { parseRequestUrl } from './request-url.js';
import { orThrow, type SignerRules } from './signer-options.js';

/** How long a presigned URL is good for, and how often. */
export interface PresignOptions {
  /** Seconds, 1–604,800 (a week). */
  readonly expiresIn: number;
  /** It is accepted once, and by GET only; any number of times unless `true`. */
  readonly singleUse?: boolean | undefined;
}

const PARAMETER = /[?&]x-hmac-/i;

/** Section 4 of the protocol. The URL stays as it was written, with the parameters at its end. */
export function presignUrl(
  rules: SignerRules,
  url: string | URL,
  { expiresIn, singleUse = false }: PresignOptions,
): string {
  if (!Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > MAX_EXPIRES) {
    throw new RangeError(`expiresIn: expected whole seconds from 1 to ${MAX_EXPIRES}`);
  }
  if (typeof singleUse !== 'boolean') throw new TypeError('singleUse: expected true or false');
  const { protocol, host: written, target: path } = parseRequestUrl(url);
  if (PARAMETER.test(path)) throw new TypeError('url: it has X-Hmac- parameters already');
  const { algorithm, credential } = rules;
  const parameters = [
    `X-Hmac-Credential=${credential}`,
    `X-Hmac-Date=${formatBasicDate(rules.second())}`,
    `X-Hmac-Expires=${expiresIn}`,
    ...(singleUse ? [`X-Hmac-Nonce=${rules.nonce()}`] : []),
  ].join('&');
  const unsigned = `${path}${path.includes('?') ? '&' : '?'}${parameters}`;
  const host = orThrow('url', canonicalHost(written));
  const target = orThrow('url', canonicalTarget(unsigned));
  const text = presignedStringToSign({ algorithm, credential, target, host });
  const signature = rules.secret.current.sign(algorithm, text).replaceAll('=', '');
  const encoded = signature.replaceAll('+', '-').replaceAll('/', '_');
  const whole = `${unsigned}&X-Hmac-Signature=${encoded}`;
  orThrow('url', canonicalTarget(whole)); // it may have become too long
  return `${protocol}//${written}${whole}`;
}
