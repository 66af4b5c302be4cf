import { AddressList, type Verifier } from '@countersign/server';
import type { IsTrusted } from '../proxy/caller-address.js';
import type { OnExchange } from '../proxy/exchange.js';

/** Who checks the body of a request, of which the proxy shows the header only. */
export type BodyCheck = 'refuse' | 'upstream';

/** What a forward-auth endpoint is made of. */
export interface ForwardAuthOptions {
  /** Decides. Neither one with optional credentials nor one that signs responses: a proxy's answers are not ours to sign. */
  readonly verifier: Verifier;
  /**
   * Addresses and CIDR blocks of the proxies that may ask, such as `["10.0.0.7", "fd00::/8"]`; `["127.0.0.0/8", "::1"]` unless
   * said otherwise. Whoever else can reach the endpoint could use up nonces.
   */
  readonly trustedPeers?: readonly string[] | undefined;
  /**
   * `refuse`, unless said otherwise: requests with a body are refused, whatever their method. `upstream`: they pass if their
   * Content-Digest is signed, and the service compares the body with X-Countersign-Content-Digest.
   */
  readonly bodyCheck?: BodyCheck | undefined;
  /** Decides before a verifier is asked whether the caller is listened to at all; the seconds to stay away if not. */
  readonly throttle?: ((address: string | undefined) => number | undefined) | undefined;
  /**
   * Whose X-Forwarded-For tells who is to be throttled, where the proxy that asks is behind others: those that are the verifier's
   * `trustedProxies`. Nobody's unless given.
   */
  readonly isTrusted?: IsTrusted | undefined;
  /** Is told of every decision. */
  readonly onExchange?: OnExchange | undefined;
}

/** The options once they are checked. */
export interface ForwardAuthRules {
  /** For requests without a body. */
  readonly bodiless: Verifier;
  /** For those whose body the service checks: of the body, what the header declares is judged. `undefined` if it does not. */
  readonly upstream: Verifier | undefined;
  readonly peers: AddressList;
  readonly throttle: ForwardAuthOptions['throttle'];
  readonly isTrusted: IsTrusted | undefined;
  readonly onExchange: OnExchange | undefined;
}

const OPTIONS: readonly string[] = [
  ...['verifier', 'trustedPeers', 'bodyCheck', 'throttle', 'isTrusted', 'onExchange'],
];
const LOOPBACK: readonly string[] = ['127.0.0.0/8', '::1'];

/** @throws TypeError that names the option */
export function checkOptions(options: ForwardAuthOptions): ForwardAuthRules {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('options: expected an object');
  }
  for (const option of Object.keys(options)) {
    if (!OPTIONS.includes(option)) {
      throw new TypeError(`${option}: unknown option; known are ${OPTIONS.join(', ')}`);
    }
  }
  const { verifier, trustedPeers = LOOPBACK, bodyCheck = 'refuse' } = options;
  const { throttle, isTrusted, onExchange } = options;
  if (bodyCheck !== 'refuse' && bodyCheck !== 'upstream') {
    throw new TypeError('bodyCheck: expected "refuse" or "upstream"');
  }
  for (const [name, hook] of Object.entries({ throttle, isTrusted, onExchange })) {
    if (hook !== undefined && typeof hook !== 'function') {
      throw new TypeError(`${name}: expected a function`);
    }
  }
  checkVerifier(verifier);
  return {
    bodiless: verifier.route({ body: 'buffer', maxBodyBytes: 0 }),
    upstream: bodyCheck === 'upstream' ? verifier.route({ body: 'stream' }) : undefined,
    peers: checkPeers(trustedPeers),
    throttle,
    isTrusted,
    onExchange,
  };
}

function checkVerifier(verifier: Verifier): void {
  if (typeof verifier?.verify !== 'function' || typeof verifier.route !== 'function') {
    throw new TypeError('verifier: expected a verifier, as createVerifier makes it');
  }
  if (verifier.optional === true) {
    throw new TypeError('verifier: expected one whose credentials are not optional');
  }
  if (verifier.maxResponseBytes !== undefined) {
    throw new TypeError('verifier: expected one without signResponses, as the service answers');
  }
}

function checkPeers(peers: unknown): AddressList {
  if (!Array.isArray(peers) || peers.length === 0) {
    throw new TypeError('trustedPeers: expected a list of addresses such as ["10.0.0.7"]');
  }
  const list = new AddressList();
  peers.forEach((peer: unknown, i) => {
    if (typeof peer !== 'string' || !list.add(peer)) {
      throw new TypeError(
        `trustedPeers[${i}]: expected an address or a CIDR block such as "10.0.0.0/8"`,
      );
    }
  });
  return list;
}
