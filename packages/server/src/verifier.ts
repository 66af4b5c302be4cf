import {
  canonicalHost,
  hmacScheme,
  type Refusal,
  type Scheme,
  signedHeadersFault,
} from '@countersign/core';
import { answerRefusal, type Disclosure, type HttpAnswer } from './answer.js';
import type { KeyStore } from './keys/key-store.js';
import type { NonceStore } from './nonces/nonce-store.js';
import { knownOptions, optionalFunction, optionIn, wholeNumber } from './options.js';
import { verifyRequest } from './pipeline.js';
import type { BodyLimits, RequestView } from './request-view.js';
import type { Authorize } from './stages/authorization.js';
import type { CoverageRules } from './stages/coverage.js';
import type { LimitRate } from './stages/rate.js';
import type { Verdict } from './verdict.js';

/** What a verifier is made of. */
export interface VerifierOptions {
  /** Where keys are looked up. */
  readonly keys: KeyStore;
  /** Where used nonces are remembered. Every process that shares keys must share it. */
  readonly nonces: NonceStore;
  /** The hosts this service answers for, such as `api.example.com` or `localhost:8080`; at least one. */
  readonly hosts: readonly string[];
  /** Seconds the signed date may be away from now, 1–3,600; 300 unless said otherwise. */
  readonly skew?: number | undefined;
  /** Header fields that must be present and signed, besides those of the protocol. */
  readonly requiredHeaders?: readonly string[] | undefined;
  /** Most bytes of a body; 1 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
  /** Milliseconds a body may take from the first read; 10,000 unless said otherwise. */
  readonly bodyTimeout?: number | undefined;
  /** Milliseconds that a store or one of the functions below may take to answer; 5,000 unless said otherwise. */
  readonly storeTimeout?: number | undefined;
  /** Rules on address, method and path; every verified caller is allowed unless given. */
  readonly authorize?: Authorize | undefined;
  /** Limits on how often; none unless given. */
  readonly limitRate?: LimitRate | undefined;
  /** `full` tells the caller the true code and the string to sign: for development only. */
  readonly disclosure?: Disclosure | undefined;
  /** Realm of WWW-Authenticate; `countersign` unless said otherwise. */
  readonly realm?: string | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/** The options once they are checked. */
export interface VerifierRules extends CoverageRules {
  readonly schemes: readonly Scheme[];
  readonly keys: KeyStore;
  readonly nonces: NonceStore;
  readonly skew: number;
  readonly body: BodyLimits;
  readonly timeout: number;
  readonly authorize: Authorize | undefined;
  readonly limitRate: LimitRate | undefined;
  readonly now: () => number;
}

/** Decides on requests, and says how to answer those it refuses. */
export interface Verifier {
  /**
   * Runs the stages of the protocol. Never throws or rejects on what a stranger sends.
   *
   * @returns `accepted` with the identity, the canonical target and the verified body; or a {@link Refusal}
   */
  verify(request: RequestView): Promise<Verdict>;
  /** The HTTP answer to a refusal, by the verifier's `disclosure` and `realm`. */
  answer(refusal: Refusal): HttpAnswer;
}

const OPTIONS: readonly string[] = [
  'keys',
  'nonces',
  'hosts',
  'skew',
  'requiredHeaders',
  'maxBodyBytes',
  'bodyTimeout',
  'storeTimeout',
  'authorize',
  'limitRate',
  'disclosure',
  'realm',
  'now',
];

/**
 * Makes a verifier. Options are checked here, once.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const verifier = createVerifier({ keys: keyFile('keys.json'), nonces: memoryNonceStore(), hosts: ['api.example.com'] });
 * const verdict = await verifier.verify({ method: 'GET', target: '/', headers: request.rawHeaders });
 */
export function createVerifier(options: VerifierOptions): Verifier {
  knownOptions(options, OPTIONS);
  // Defaults stand in for what was left out, and for nothing else: null is as wrong as any other value.
  const { disclosure = 'minimal', realm = 'countersign' } = options;
  optionIn('disclosure', disclosure, ['minimal', 'full']);
  if (typeof realm !== 'string' || !/^[ !#-[\]-~]{1,128}$/.test(realm)) {
    throw new TypeError(
      'realm: expected 1–128 visible ASCII characters without quotes and backslashes',
    );
  }
  const rules = checkRules(options);
  return Object.freeze({
    verify: (request: RequestView) => verifyRequest(rules, request),
    answer: (refusal: Refusal) => answerRefusal(refusal, disclosure, realm),
  });
}

function checkRules(options: VerifierOptions): VerifierRules {
  const { keys, nonces, skew: seconds = 300, requiredHeaders = [], now = Date.now } = options;
  const { maxBodyBytes = 1024 * 1024, bodyTimeout = 10_000, storeTimeout = 5_000 } = options;
  const skew = wholeNumber('skew', seconds, 1, 3600);
  // A list has a find of its own.
  if (typeof keys?.find !== 'function' || Array.isArray(keys)) {
    throw new TypeError(
      'keys: expected a key store, such as staticKeys([…]) or keyFile("keys.json")',
    );
  }
  if (typeof nonces?.claim !== 'function') {
    throw new TypeError('nonces: expected a nonce store, such as memoryNonceStore()');
  }
  if (!(nonces.skew >= skew)) {
    throw new RangeError(
      `nonces: the store was made for a skew of ${nonces.skew} s, which is less than ${skew} s`,
    );
  }
  return Object.freeze({
    schemes: [hmacScheme],
    keys,
    nonces,
    hosts: checkHosts(options.hosts),
    skew,
    requiredHeaders: checkRequiredHeaders(requiredHeaders),
    body: {
      maxBytes: wholeNumber('maxBodyBytes', maxBodyBytes, 0, 2 ** 31 - 1),
      timeout: wholeNumber('bodyTimeout', bodyTimeout, 1, 3_600_000),
    },
    timeout: wholeNumber('storeTimeout', storeTimeout, 1, 3_600_000),
    authorize: optionalFunction('authorize', options.authorize),
    limitRate: optionalFunction('limitRate', options.limitRate),
    now: optionalFunction('now', now) ?? Date.now,
  });
}

function checkHosts(hosts: unknown): ReadonlySet<string> {
  if (!Array.isArray(hosts) || hosts.length === 0) {
    throw new TypeError(
      'hosts: expected a list with at least one host, such as ["api.example.com"]',
    );
  }
  return new Set(
    hosts.map((host: unknown, i) => {
      const canonical = typeof host === 'string' ? canonicalHost(host) : undefined;
      if (typeof canonical !== 'string') {
        throw new TypeError(
          `hosts[${i}]: expected a host such as "api.example.com" or "localhost:8080"`,
        );
      }
      return canonical;
    }),
  );
}

function checkRequiredHeaders(names: unknown): readonly string[] {
  if (!Array.isArray(names))
    throw new TypeError('requiredHeaders: expected a list of header names');
  return names.map((name: unknown, i) => {
    const lower = typeof name === 'string' ? name.toLowerCase() : '';
    if (signedHeadersFault([lower]) !== undefined) {
      throw new TypeError(
        `requiredHeaders[${i}]: expected the name of a header field that can be signed`,
      );
    }
    return lower;
  });
}
