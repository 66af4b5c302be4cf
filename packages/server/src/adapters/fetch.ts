import { fetchRequestView, verifiedRequest } from '../fetch/fetch-request.js';
import { signed } from '../fetch/sign-response.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier, Verifier } from '../verifier.js';

export { type FetchRequestView, fetchRequestView } from '../fetch/fetch-request.js';

/** A handler that is called only for verified requests. What else the runtime passes follows. */
export type VerifiedHandler<Rest extends readonly unknown[], C = Accepted> = (
  request: Request,
  caller: C,
  ...rest: Rest
) => Response | Promise<Response>;

/** What the Fetch API does not tell. */
export interface FetchOptions<Rest extends readonly unknown[]> {
  /** Address of the peer, from what the runtime passes beside the request; unknown unless given. */
  readonly remoteAddress?: (request: Request, ...rest: Rest) => string | undefined;
}

/**
 * Puts a verifier in front of a handler of the Fetch API: Next.js route handlers, `Bun.serve`, `Deno.serve`, workers.
 *
 * The Fetch API shows a request after the runtime has read it. Fields that occur twice are joined, so they are refused with
 * another code; `/a/../b` is verified as the `/b` that the handler sees; a body that a GET had is hidden.
 *
 * @param handler - gets a request whose body is the verified one
 * @example export const POST = protect(verifier, async (request, { identity }) => Response.json(identity));
 */
export function protect<Rest extends readonly unknown[]>(
  verifier: Verifier,
  handler: VerifiedHandler<Rest>,
  options?: FetchOptions<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response>;
export function protect<Rest extends readonly unknown[]>(
  verifier: OptionalVerifier,
  handler: VerifiedHandler<Rest, Accepted | undefined>,
  options?: FetchOptions<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response>;
export function protect<Rest extends readonly unknown[]>(
  verifier: OptionalVerifier,
  handler: VerifiedHandler<Rest, never>,
  { remoteAddress }: FetchOptions<Rest> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const view = fetchRequestView(request, remoteAddress?.(request, ...rest));
    const verdict = await verifier.verify(view);
    if (verdict.verdict === 'refused') {
      const { status, headers, body } = verifier.answer(verdict);
      return new Response(body, { status, headers });
    }
    if (verdict.verdict === 'anonymous') return handler(request, undefined as never, ...rest);
    const verified = verifiedRequest(request, view, verdict);
    const response = await handler(verified, verdict as never, ...rest);
    return signed(verifier, verdict, request.method, response);
  };
}
