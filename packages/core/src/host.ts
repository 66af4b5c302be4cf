import { Refusal } from './refusal.js';

// Both cases are named here: lower-casing first would turn U+212A (the Kelvin sign) into a "k".
const NAME = /^[A-Za-z0-9._-]+(?::[0-9]{1,5})?$/;
const BRACKETED = /^\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/;
const HEXTET = /^[0-9A-Fa-f]{1,4}$/;

/**
 * The host as it is signed: lower case, without a trailing `:80` or `:443`.
 *
 * @param value - value of the Host field or `:authority`, white space around it already removed
 * @returns the canonical host, or a refusal with `host_malformed`
 * @example canonicalHost('API.example.com:443') // 'api.example.com'
 */
export function canonicalHost(value: string): string | Refusal {
  if (!NAME.test(value)) {
    const address = BRACKETED.exec(value)?.[1];
    if (address === undefined || !isIpv6(address)) {
      return new Refusal(
        'host_malformed',
        'The Host field is neither a name nor a bracketed IPv6 address, with an optional port.',
      );
    }
  }
  const host = value.toLowerCase();
  if (host.endsWith(':443')) return host.slice(0, -4);
  if (host.endsWith(':80')) return host.slice(0, -3);
  return host;
}

/** RFC 4291 §2.2, without a zone. */
function isIpv6(address: string): boolean {
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const hasIpv4Tail = last?.includes('.') === true;
  if (hasIpv4Tail && (!IPV4.test(last) || address.endsWith('::'))) return false;
  if (!(hasIpv4Tail ? groups.slice(0, -1) : groups).every((group) => HEXTET.test(group)))
    return false;
  const width = groups.length + (hasIpv4Tail ? 1 : 0);
  return halves.length === 2 ? width <= 7 : width === 8;
}
