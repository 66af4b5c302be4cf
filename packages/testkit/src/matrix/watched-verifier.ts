import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  type Refusal,
  type RouteOptions,
  type Verifier,
} from '@countersign/server';
import type { MatrixCase } from './cases.js';

type Verdict = Awaited<ReturnType<Verifier['verify']>>;

/** One verifier for the server, that is another one for each case, and tells what it decided. */
export interface WatchedVerifier {
  readonly verifier: Verifier;
  /** Begins a case: new nonces, nothing decided. */
  begin(test: MatrixCase): void;
  /** What was decided since the case began. */
  readonly verdicts: readonly Verdict[];
  /** How many nonces were used since. */
  readonly claims: number;
  answer(refusal: Refusal): ReturnType<Verifier['answer']>;
}

export function watchedVerifier(keys: KeyStore): WatchedVerifier {
  let current: Verifier | undefined;
  let verdicts: Verdict[] = [];
  let claims = 0;

  const inUse = (route: RouteOptions | undefined): Verifier => {
    if (current === undefined) throw new Error('no case has begun');
    return route === undefined ? current : current.route(route);
  };
  const facade = (route?: RouteOptions): Verifier => ({
    async verify(request) {
      const verdict = await inUse(route).verify(request);
      verdicts.push(verdict);
      return verdict;
    },
    answer: (refusal) => inUse(route).answer(refusal),
    route: (options: RouteOptions) => facade({ ...route, ...options }) as never,
    maxResponseBytes: undefined,
    signResponse: (verdict, response) => inUse(route).signResponse(verdict, response),
    health: () => inUse(route).health(),
  });

  return {
    verifier: facade(),
    begin({ conditions, claimed }) {
      const { now: text, skew, hosts, requiredHeaders, maxBodyBytes, presigned } = conditions;
      const now = () => Date.parse(text);
      const nonces = memoryNonceStore({ start: 'fresh', skew, now });
      const until = Math.floor(now() / 1000) + skew;
      for (const [credential, nonce] of claimed) nonces.claim(credential, nonce, until);
      verdicts = [];
      claims = 0;
      current = createVerifier({
        ...{ keys, hosts, skew, requiredHeaders, maxBodyBytes, presigned, now },
        nonces: {
          skew,
          claim(...claim) {
            const result = nonces.claim(...claim);
            if (result === 'fresh') claims += 1;
            return result;
          },
        },
      });
    },
    get verdicts() {
      return verdicts;
    },
    get claims() {
      return claims;
    },
    answer: (refusal) => inUse(undefined).answer(refusal),
  };
}
