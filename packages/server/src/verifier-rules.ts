import { hmacScheme, presignedScheme, type Scheme } from '@countersign/core';
import type { Disclosure } from './answer.js';
import { checkProxies, type ProxyRules } from './behind-proxy.js';
import { checkHosts, checkRequiredHeaders } from './coverage-options.js';
import type { OnEvent } from './events.js';
import type { KeyStore } from './keys/key-store.js';
import type { NonceStore } from './nonces/nonce-store.js';
import { aBoolean, knownOptions, optionalFunction, optionIn, wholeNumber } from './options.js';
import { checkPolicy, withPolicy } from './policy/check-policy.js';
import type { Policy } from './policy/policy.js';
import type { Authorize } from './stages/authorization.js';
import type { BodyMode, BodyRules } from './stages/body.js';
import type { CoverageRules } from './stages/coverage.js';
import type { ParseRules } from './stages/parse.js';
import type { LimitRate } from './stages/rate.js';

/** What may differ from route to route. */
export interface RouteOptions {
  /**
   * Takes requests that carry no credentials at all, as `anonymous`. Bad credentials are refused all the same. Off unless
   * `true`.
   */
  readonly optional?: boolean | undefined;
  /** Header fields that must be present and signed, besides those of the protocol. A route adds to those of the verifier. */
  readonly requiredHeaders?: readonly string[] | undefined;
  /**
   * `buffer`, unless said otherwise: the body is verified before the handler runs. `stream`: it is handed on while it
   * arrives, the last piece once the digest holds; ends with a {@link BodyRefusedError} otherwise. `unsigned`: `stream`, for
   * requests whose body need not be signed.
   */
  readonly body?: BodyMode | undefined;
  /** Most bytes of a body; 1 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
  /** Milliseconds a body may take from the first read; 10,000 unless said otherwise. */
  readonly bodyTimeout?: number | undefined;
  /** Takes presigned URLs too (section 4 of the protocol); off unless `true`. */
  readonly presigned?: boolean | undefined;
  /**
   * What callers may do, as `createPolicy` of `@countersign/server/policy` makes it; besides `authorize`, if that is given too.
   * That of a route stands in place of the verifier's.
   */
  readonly policy?: Policy | undefined;
}

/** What a verifier is made of. */
export interface VerifierOptions extends Omit<RouteOptions, 'optional'> {
  /** Where keys are looked up. */
  readonly keys: KeyStore;
  /** Where used nonces are remembered. Every process that shares keys must share it. */
  readonly nonces: NonceStore;
  /** The hosts this service answers for, such as `api.example.com` or `localhost:8080`; at least one. */
  readonly hosts: readonly string[];
  /** Seconds the signed date may be away from now, 1–3,600; 300 unless said otherwise. */
  readonly skew?: number | undefined;
  /** Milliseconds that a store or one of the functions below may take to answer; 5,000 unless said otherwise. */
  readonly storeTimeout?: number | undefined;
  /** Rules on address, method and path; every verified caller is allowed unless given. */
  readonly authorize?: Authorize | undefined;
  /** Limits on how often; none unless given. */
  readonly limitRate?: LimitRate | undefined;
  /**
   * Addresses and CIDR blocks of the proxies in front, such as `["10.0.0.0/8"]`; none unless given. Only of these,
   * X-Forwarded-Host stands for Host, and Forwarded or X-Forwarded-For for the address.
   */
  readonly trustedProxies?: readonly string[] | undefined;
  /** What such a proxy takes off the path, by what it leaves: `{ "/": "/api/" }` if it sends `/api/orders` on as `/orders`. */
  readonly prefix?: Readonly<Record<string, string>> | undefined;
  /** Signs responses too (section 3 of the protocol), with the secret of the request; off unless `true`. */
  readonly signResponses?: boolean | undefined;
  /** Most bytes of a response that is signed, which is held back until it is whole; 1 MiB unless said otherwise. */
  readonly maxResponseBytes?: number | undefined;
  /** Is told of every verdict, as the channels `countersign:accepted` and so on of `node:diagnostics_channel` are. */
  readonly onEvent?: OnEvent | undefined;
  /** `full` tells the caller the true code and the string to sign: for development only. */
  readonly disclosure?: Disclosure | undefined;
  /** Realm of WWW-Authenticate; `countersign` unless said otherwise. */
  readonly realm?: string | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/** The options once they are checked. */
export interface VerifierRules extends RouteRules {
  readonly hosts: ReadonlySet<string>;
  readonly keys: KeyStore;
  readonly nonces: NonceStore;
  readonly skew: number;
  readonly timeout: number;
  readonly authorize: Authorize | undefined;
  readonly limitRate: LimitRate | undefined;
  readonly proxies: ProxyRules | undefined;
  readonly maxResponseBytes: number | undefined;
  readonly onEvent: OnEvent | undefined;
  readonly disclosure: Disclosure;
  readonly realm: string;
  readonly now: () => number;
}

interface RouteRules extends Omit<CoverageRules, 'hosts'>, ParseRules {
  readonly body: BodyRules;
  readonly policy: Policy | undefined;
}

const SHARED_OPTIONS: readonly string[] = [
  'requiredHeaders',
  'body',
  'maxBodyBytes',
  'bodyTimeout',
  'presigned',
  'policy',
];

const OPTIONS: readonly string[] = [
  'keys',
  'nonces',
  'hosts',
  'skew',
  'storeTimeout',
  'authorize',
  'limitRate',
  'trustedProxies',
  'prefix',
  'signResponses',
  'maxResponseBytes',
  'onEvent',
  'disclosure',
  'realm',
  'now',
  ...SHARED_OPTIONS,
];

const MOST_BYTES = 2 ** 31 - 1;
const WITHOUT_PRESIGNED: readonly Scheme[] = [hmacScheme];
// The presigned one first: it refuses a request that carries both.
const WITH_PRESIGNED: readonly Scheme[] = [presignedScheme, hmacScheme];

const ROUTE_DEFAULTS: RouteRules = {
  optional: false,
  requiredHeaders: [],
  schemes: WITHOUT_PRESIGNED,
  policy: undefined,
  body: { mode: 'buffer', maxBytes: 1024 * 1024, timeout: 10_000 },
};

/** @throws TypeError or RangeError that names the option */
export function checkOptions(options: VerifierOptions): VerifierRules {
  knownOptions(options, OPTIONS);
  // Defaults stand in for what was left out, and for nothing else: null is as wrong as any other value.
  const { keys, nonces, skew: seconds = 300, storeTimeout = 5_000, now = Date.now } = options;
  const { disclosure = 'minimal', realm = 'countersign' } = options;
  const { signResponses = false, maxResponseBytes = 1024 * 1024 } = options;
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
  if (typeof realm !== 'string' || !/^[ !#-[\]-~]{1,128}$/.test(realm)) {
    throw new TypeError(
      'realm: expected 1–128 visible ASCII characters without quotes and backslashes',
    );
  }
  const mostResponseBytes = wholeNumber('maxResponseBytes', maxResponseBytes, 0, MOST_BYTES);
  const rules = withPolicy({
    ...withRoute(ROUTE_DEFAULTS, options),
    keys,
    nonces,
    hosts: checkHosts(options.hosts),
    skew,
    timeout: wholeNumber('storeTimeout', storeTimeout, 1, 3_600_000),
    authorize: optionalFunction('authorize', options.authorize),
    limitRate: optionalFunction('limitRate', options.limitRate),
    proxies: checkProxies(options.trustedProxies, options.prefix),
    maxResponseBytes: aBoolean('signResponses', signResponses) ? mostResponseBytes : undefined,
    onEvent: optionalFunction('onEvent', options.onEvent),
    disclosure: optionIn('disclosure', disclosure, ['minimal', 'full']),
    realm,
    now: optionalFunction('now', now) ?? Date.now,
  });
  return Object.freeze(rules);
}

/** The same rules with those of a route. */
export function checkRoute(rules: VerifierRules, options: RouteOptions): VerifierRules {
  knownOptions(options, ['optional', ...SHARED_OPTIONS]);
  return Object.freeze(withPolicy({ ...rules, ...withRoute(rules, options) }));
}

function withRoute(rules: RouteRules, options: RouteOptions): RouteRules {
  const { optional = rules.optional, requiredHeaders = [], presigned } = options;
  const { mode, maxBytes, timeout } = rules.body;
  const {
    policy = rules.policy,
    body = mode,
    maxBodyBytes = maxBytes,
    bodyTimeout = timeout,
  } = options;
  const most = body === 'buffer' ? MOST_BYTES : Number.MAX_SAFE_INTEGER;
  return {
    optional: aBoolean('optional', optional),
    requiredHeaders: [...rules.requiredHeaders, ...checkRequiredHeaders(requiredHeaders)],
    schemes:
      presigned === undefined
        ? rules.schemes
        : aBoolean('presigned', presigned)
          ? WITH_PRESIGNED
          : WITHOUT_PRESIGNED,
    policy: checkPolicy(policy),
    body: {
      mode: optionIn('body', body, ['buffer', 'stream', 'unsigned']),
      maxBytes: wholeNumber('maxBodyBytes', maxBodyBytes, 0, most),
      timeout: wholeNumber('bodyTimeout', bodyTimeout, 1, 3_600_000),
    },
  };
}
