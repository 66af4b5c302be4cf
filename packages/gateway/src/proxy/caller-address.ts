import { isIP } from 'node:net';

/** Whether an address is that of a proxy whose forwarded fields are believed. */
export type IsTrusted = (address: string | undefined) => boolean;

/**
 * Whom to hold to account for a request, before anything of it is verified: the peer; behind trusted proxies, the last hop of
 * X-Forwarded-For that is none of them; `undefined` if they do not tell, since others call by way of them too.
 *
 * @param told - values of X-Forwarded-For, in their order
 */
export function callerAddress(
  peer: string | undefined,
  told: string | readonly string[] | undefined,
  isTrusted: IsTrusted | undefined,
): string | undefined {
  if (isTrusted?.(peer) !== true) return peer;
  const hops = String(told ?? '')
    .split(',')
    .map((hop) => hop.trim());
  const stranger = hops.findLast((hop) => !isTrusted(hop));
  return stranger !== undefined && isIP(stranger) !== 0 ? stranger : undefined;
}
