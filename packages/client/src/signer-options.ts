import {
  type Algorithm,
  CREDENTIAL,
  formatImfDate,
  isAlgorithm,
  isNonce,
  Refusal,
  signedHeadersFault,
} from '@countersign/core';
import { Destination } from './destination.js';
import { randomNonce } from './random-nonce.js';
import { type SecretProvider, SecretSource, type SecretValue } from './secret-source.js';
import { SignedNames } from './signed-names.js';

/** What a signer is made of. */
export interface SignerOptions {
  /** Who signs: 1–128 of `A-Z a-z 0-9 . _ -`. */
  readonly credential: string;
  /** `csk_…`, or at least 32 bytes; or a function that gives them, so that secrets can be rotated: see `ready`. */
  readonly secret: SecretValue | SecretProvider;
  /** `HMAC-256` unless said otherwise; it must be that of the key. */
  readonly algorithm?: Algorithm | undefined;
  /** Header fields to sign besides those of the protocol; each must then be in every request. */
  readonly signedHeaders?: readonly string[] | undefined;
  /** `x-date` where Date cannot be set, as in browsers; `date` unless said otherwise. */
  readonly dateHeader?: 'date' | 'x-date' | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
  /** Makes a new nonce; 128 random bits as 22 base64url characters unless said otherwise. */
  readonly nonce?: (() => string) | undefined;
}

/** The options once they are checked. */
export interface SignerRules {
  readonly credential: string;
  readonly secret: SecretSource;
  readonly algorithm: Algorithm;
  readonly dateHeader: 'Date' | 'X-Date';
  readonly names: SignedNames;
  readonly destination: Destination;
  /** Whole seconds since 1970. */
  readonly second: () => number;
  /** A second as IMF-fixdate. */
  readonly date: (second: number) => string;
  readonly nonce: () => string;
}

// Of the years that an IMF-fixdate can hold.
const FIRST_SECOND = -62_167_219_200;
const LAST_SECOND = 253_402_300_799;
const OPTIONS: readonly string[] = [
  'credential',
  'secret',
  'algorithm',
  'signedHeaders',
  'dateHeader',
  'now',
  'nonce',
];

/** Checks every option; a message names the option and never repeats the secret. */
export function checkSignerOptions(options: SignerOptions): SignerRules {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('options: expected an object');
  for (const option of Object.keys(options)) {
    if (!OPTIONS.includes(option)) {
      throw new TypeError(`${option}: unknown option; known are ${OPTIONS.join(', ')}`);
    }
  }
  const { credential, algorithm = 'HMAC-256', signedHeaders = [], dateHeader = 'date' } = options;
  if (typeof credential !== 'string' || !CREDENTIAL.test(credential)) {
    throw new TypeError('credential: expected 1–128 characters of A-Z a-z 0-9 . _ -');
  }
  if (credential.startsWith('csk_')) {
    throw new TypeError('credential: this looks like a secret, and a credential is sent in clear');
  }
  if (!isAlgorithm(algorithm)) throw new TypeError('algorithm: expected "HMAC-256" or "HMAC-512"');
  if (dateHeader !== 'date' && dateHeader !== 'x-date') {
    throw new TypeError('dateHeader: expected "date" or "x-date"');
  }
  const now = options.now ?? Date.now;
  if (typeof now !== 'function') throw new TypeError('now: expected a function');
  const nonce = options.nonce === undefined ? randomNonce : checkedNonce(options.nonce);
  const extra = checkSignedHeaders(signedHeaders);
  return {
    credential,
    secret: new SecretSource(options.secret),
    algorithm,
    names: new SignedNames({ algorithm, credential }, extra, dateHeader),
    destination: new Destination(),
    dateHeader: dateHeader === 'date' ? 'Date' : 'X-Date',
    second: () => secondOf(now()),
    date: dateOnceASecond(),
    nonce,
  };
}

function checkedNonce(nonce: () => string): () => string {
  if (typeof nonce !== 'function') throw new TypeError('nonce: expected a function');
  return () => {
    const made = nonce();
    if (typeof made !== 'string' || !isNonce(made)) {
      throw new TypeError('nonce: expected 16–128 characters of A-Z a-z 0-9 _ -');
    }
    return made;
  };
}

function secondOf(milliseconds: number): number {
  const second = Math.floor(milliseconds / 1000);
  if (!(second >= FIRST_SECOND && second <= LAST_SECOND)) {
    throw new RangeError('now: expected milliseconds since 1970, in the years 0000–9999');
  }
  return second;
}

/** Writes the date anew only when the second has changed. */
function dateOnceASecond(): (second: number) => string {
  let written = Number.NaN;
  let text = '';
  return (second) => {
    if (second !== written) {
      text = formatImfDate(second);
      written = second;
    }
    return text;
  };
}

/** @throws TypeError that names the part and says why it is refused */
export function orThrow<T>(part: string, value: T | Refusal): T {
  if (value instanceof Refusal) throw new TypeError(`${part}: ${value.detail}`);
  return value;
}

function checkSignedHeaders(names: unknown): readonly string[] {
  if (!Array.isArray(names)) throw new TypeError('signedHeaders: expected a list of header names');
  return names.map((name: unknown, i) => {
    const lower = typeof name === 'string' ? name.toLowerCase() : '';
    if (signedHeadersFault([lower]) !== undefined) {
      throw new TypeError(
        `signedHeaders[${i}]: expected the name of a header field that can be signed`,
      );
    }
    return lower;
  });
}
