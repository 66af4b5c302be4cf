import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type Algorithm,
  canonicalHost,
  canonicalTarget,
  checkContentDigest,
  MIN_SECRET_BYTES,
  parseAuthorization,
  parseImfDate,
  Refusal,
  Secret,
  trimOws,
} from '@countersign/core';
import { bytesOf } from './bytes.js';
import { compare, type Outcome } from './outcome.js';

/** A vector for one function; which members it has depends on its file. */
export type Unit = { readonly name: string } & Readonly<Record<string, unknown>>;

type Result = Readonly<Record<string, unknown>>;
type Text = Readonly<Record<string, string>>;

/** How the units of each file are checked. */
export const UNIT_CHECKS: Readonly<Record<string, (name: string, unit: Unit) => Outcome>> = {
  'macs.json': checking(['result'], (unit) => ({ result: isMac(unit) ? 'valid' : 'invalid' })),
  'secrets.json': checking(['hex', 'result'], ({ text }) => readSecret(text as string)),
  'targets.json': checking(['canonical', 'code'], ({ input }) =>
    resultOf(canonicalTarget(input as string), (canonical) => ({ canonical })),
  ),
  'hosts.json': checking(['canonical', 'code'], ({ input }) =>
    resultOf(canonicalHost(trimOws(input as string)), (canonical) => ({ canonical })),
  ),
  'dates.json': checking(['unix', 'code'], ({ input }) => {
    const unix = parseImfDate(input as string);
    return unix === undefined ? { code: 'date_malformed' } : { unix };
  }),
  'digests.json': checking(['result', 'code'], (unit) => {
    const fault = checkContentDigest(trimOws(unit.value as string), bytesOf(unit));
    return fault === undefined ? { result: 'ok' } : { code: fault.code };
  }),
  'authorization.json': checking(
    ['scheme', 'credential', 'signedHeaders', 'signature', 'code'],
    ({ value }) =>
      resultOf(parseAuthorization(trimOws(value as string)), ({ algorithm, ...parts }) => ({
        scheme: algorithm,
        ...parts,
      })),
  ),
};

function checking(
  members: readonly string[],
  run: (unit: Text) => Result,
): (name: string, unit: Unit) => Outcome {
  return (name, unit) => {
    const expected = Object.fromEntries(
      members.filter((member) => member in unit).map((member) => [member, unit[member]]),
    );
    return compare(name, expected, run(unit as Text));
  };
}

function resultOf<T>(value: T | Refusal, describe: (value: T) => Result): Result {
  return value instanceof Refusal ? { code: value.code } : describe(value);
}

function readSecret(text: string): Result {
  try {
    const exposed = Secret.from(text).expose();
    return { hex: Buffer.from(exposed.slice(4), 'base64url').toString('hex') };
  } catch {
    return { result: 'invalid' };
  }
}

function isMac({ algorithm, keyHex, dataHex, tagHex }: Text): boolean {
  const key = Buffer.from(keyHex as string, 'hex');
  const data = Buffer.from(dataHex as string, 'hex');
  const tag = Buffer.from(tagHex as string, 'hex');
  const text = data.toString('utf8');
  if (key.length >= MIN_SECRET_BYTES && Buffer.from(text).equals(data)) {
    return Secret.from(key).verify(algorithm as Algorithm, text, tag.toString('base64'));
  }
  // No secret is as short, and no signed text is other than ASCII: here the platform's HMAC itself is tested.
  const hash = algorithm === 'HMAC-256' ? 'sha256' : 'sha512';
  const expected = createHmac(hash, key).update(data).digest();
  return tag.length === expected.length && timingSafeEqual(tag, expected);
}
