import type { Refusal } from '@countersign/core';
import { answerRefusal, type HttpAnswer } from './answer.js';
import { behindProxy } from './behind-proxy.js';
import { isObserved, Observation } from './events.js';
import { verifyRequest } from './pipeline.js';
import { isPromise, type RequestView } from './request-view.js';
import { type ResponseToSign, responseFields, seal } from './response-seal.js';
import type { Accepted, Anonymous } from './verdict.js';
import { healthOf, type VerifierHealth } from './verifier-health.js';
import {
  checkOptions,
  checkRoute,
  type RouteOptions,
  type VerifierOptions,
  type VerifierRules,
} from './verifier-rules.js';

/**
 * Decides on requests, and says how to answer those it refuses.
 *
 * @typeParam V - what `verify` answers: a verifier of a route with optional credentials knows `anonymous` too
 */
export interface Verifier<V = Accepted | Refusal> {
  /**
   * Runs the stages of the protocol. Never throws or rejects on what a stranger sends.
   *
   * @returns `accepted` with the identity, the canonical target and the verified body; or a {@link Refusal}
   */
  verify(request: RequestView): Promise<V>;
  /** The HTTP answer to a refusal, by the verifier's `disclosure` and `realm`, signed if responses are. */
  answer(refusal: Refusal): HttpAnswer;
  /**
   * The same verifier with other rules for one route.
   *
   * @throws TypeError or RangeError that names the option
   * @example protect(verifier.route({ body: 'stream', maxBodyBytes: 2 ** 30, bodyTimeout: 600_000 }), upload)
   */
  route(options: RouteOptions & { readonly optional: true }): OptionalVerifier;
  route(options: RouteOptions): Verifier<V>;
  /** True where requests without any credentials are let through, as `anonymous`. */
  readonly optional?: boolean;
  /** How many bytes of a response are held back to be signed; `undefined` where responses are not signed. */
  readonly maxResponseBytes: number | undefined;
  /**
   * The header fields that sign a response (section 3 of the protocol): Date, Content-Digest where there is a body, and
   * Authentication-Info. They replace those of these names.
   *
   * @param verdict - what `verify` answered to the request
   * @returns no fields where responses are not signed, or the request was not verified
   */
  signResponse(verdict: object, response: ResponseToSign): Readonly<Record<string, string>>;
  /**
   * Asks the key store and the nonce store whether they answer now, for a readiness probe. Takes `storeTimeout` at most, and
   * never rejects.
   *
   * @example response.writeHead((await verifier.health()).ok ? 200 : 503).end();
   */
  health(): Promise<VerifierHealth>;
}

/** A verifier that lets requests without any credentials through, as `anonymous`. */
export type OptionalVerifier = Verifier<Accepted | Anonymous | Refusal>;

/**
 * Makes a verifier. Options are checked here, once.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const verifier = createVerifier({ keys: keyFile('keys.json'), nonces: memoryNonceStore(), hosts: ['api.example.com'] });
 * const verdict = await verifier.verify({ method: 'GET', target: '/', headers: request.rawHeaders });
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const rules = checkOptions(options);
  return verifierOf(rules, healthOf(rules)) as Verifier;
}

// Which of the two it is, is told by the rules: only `optional` ones give `anonymous`.
function verifierOf(rules: VerifierRules, health: Verifier['health']): OptionalVerifier {
  const { maxResponseBytes } = rules;
  const signs = maxResponseBytes !== undefined;
  const verifyView = (view: RequestView) =>
    signs || isObserved(rules.onEvent)
      ? observe(rules, view, signs)
      : verifyRequest(rules, view, undefined);
  return Object.freeze({
    verify(request: RequestView) {
      const view = behindProxy(rules.proxies, request);
      return isPromise(view) ? view.then(verifyView) : verifyView(view);
    },
    answer(refusal: Refusal): HttpAnswer {
      const answer = answerRefusal(refusal, rules.disclosure, rules.realm);
      if (!signs) return answer;
      const headers = { ...answer.headers, ...responseFields(rules, refusal, answer) };
      return { ...answer, headers };
    },
    route: (options: RouteOptions) => verifierOf(checkRoute(rules, options), health) as Verifier,
    optional: rules.optional,
    maxResponseBytes,
    signResponse: (verdict: object, response: ResponseToSign) =>
      responseFields(rules, verdict, response),
    health,
  });
}

async function observe(rules: VerifierRules, request: RequestView, signs: boolean) {
  const seen = new Observation(request, rules.onEvent);
  const verdict = await verifyRequest(rules, request, seen);
  if (signs && seen.verified !== undefined) seal(verdict, seen.verified);
  seen.tell(verdict);
  return verdict;
}
