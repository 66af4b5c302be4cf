import { Refusal } from '@countersign/core';
import { inTime, isPromise, type MaybePromise, type RequestView } from '../request-view.js';
import type { Identity } from '../verdict.js';

/** What a rule may look at. The path is the canonical one, as signed. */
export interface AuthorizationQuery {
  readonly method: string;
  /** Canonical path and query. */
  readonly target: string;
  readonly remoteAddress: string | undefined;
}

/** `allowed`, or the code to refuse with. */
export type AuthorizationAnswer = 'allowed' | 'address_not_allowed' | 'permission_denied';

/** Decides whether a caller may make this request. Anything but `allowed`, a throw included, refuses it. */
export type Authorize = (
  identity: Identity,
  query: AuthorizationQuery,
) => MaybePromise<AuthorizationAnswer>;

/** Stage 7. The rules on address, method and path, now that it is known who asks. */
export function checkAuthorization(
  authorize: Authorize | undefined,
  identity: Identity,
  request: RequestView,
  target: string,
  timeout: number,
): MaybePromise<Refusal | undefined> {
  if (authorize === undefined) return undefined;
  try {
    const { method, remoteAddress } = request;
    const answer = authorize(identity, { method, target, remoteAddress });
    return isPromise(answer) ? inTime(answer, timeout).then(refusalOf, failed) : refusalOf(answer);
  } catch (error) {
    return failed(error);
  }
}

function refusalOf(answer: AuthorizationAnswer): Refusal | undefined {
  if (answer === 'allowed') return undefined;
  return answer === 'address_not_allowed'
    ? new Refusal('address_not_allowed', 'A rule refuses the address of the caller.')
    : new Refusal('permission_denied', 'A rule refuses this method or path to the caller.');
}

function failed(cause: unknown): Refusal {
  return new Refusal('permission_denied', 'The rules could not be applied.', { cause });
}
