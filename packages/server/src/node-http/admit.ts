import type { Refusal } from '@countersign/core';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';
import {
  type NodeRequest,
  type NodeRequestParts,
  type NodeResponse,
  nodeRequestView,
} from './node-request.js';
import { sendRefusal } from './send-refusal.js';
import { signWhenEnded } from './sign-response.js';

/** What a request was let in as: who called, or nobody in particular. */
export interface Admission {
  /** `undefined` on a route with optional credentials, for a request without any. */
  readonly caller: Accepted | undefined;
}

/**
 * Verifies a request of Node; answers it if it is refused. The body, once verified, can be read as if nobody had.
 *
 * @param refusing - is called before a refusal is sent
 * @returns `undefined` if the request was refused and is answered
 */
export function admit(
  verifier: OptionalVerifier,
  request: NodeRequest,
  response: NodeResponse,
  parts?: NodeRequestParts,
  refusing?: (refusal: Refusal) => void,
): Promise<Admission | undefined> {
  return verifier.verify(nodeRequestView(request, response, parts)).then((verdict) => {
    if (verdict.verdict === 'refused') {
      refusing?.(verdict);
      sendRefusal(verdict, verifier.answer(verdict), request, response);
      return undefined;
    }
    if (verdict.verdict === 'anonymous') return { caller: undefined };
    signWhenEnded(verifier, verdict, request, response);
    return { caller: verdict };
  });
}

/** Answers a request with a refusal that somebody else found, in the form of the verifier. */
export function refuse(
  verifier: Pick<OptionalVerifier, 'answer'>,
  refusal: Refusal,
  request: NodeRequest,
  response: NodeResponse,
): void {
  sendRefusal(refusal, verifier.answer(refusal), request, response);
}
