import { BlockList, isIP } from 'node:net';
import { trimOws } from '@countersign/core';
import type { MaybePromise, RequestView } from './request-view.js';

/** Which peers are believed when they say how the request reached them. */
export interface ProxyRules {
  readonly trusted: BlockList;
  /** What the proxy takes off the path, by what is left: longest first. */
  readonly prefixes: readonly (readonly [here: string, signed: string])[];
}

const FORWARDED_HOST = 'x-forwarded-host';

// Most verifiers stand behind no proxy, and need not wait for it when they start: 5 ms.
let parseForwarded: typeof import('forwarded-parse').parse | undefined;
let loading: Promise<void> | undefined;

/** If it cannot be loaded, a Forwarded field is one that cannot be read. */
function loadParser(): void {
  loading ??= import('forwarded-parse')
    .then(({ parse }) => {
      parseForwarded = parse;
    })
    .catch(() => {})
    .finally(() => {
      loading = undefined;
    });
}

function parsed(value: string) {
  if (parseForwarded === undefined) throw new Error('forwarded-parse: not there');
  return parseForwarded(value);
}

/** True for an address that the list covers; IPv4 in IPv6 notation is the IPv4 address. */
function isTrusted({ trusted }: ProxyRules, address: string | undefined): boolean {
  const family = address === undefined ? 0 : isIP(address);
  return family !== 0 && trusted.check(address as string, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * The request as the caller sent it, where a trusted proxy rewrote its host or path: Host becomes X-Forwarded-Host, the path
 * gets back its prefix, the address is that of the first peer that is no trusted proxy, and HTTPS is what X-Forwarded-Proto
 * or Forwarded says of every hop. From anybody else such fields mean nothing. What is gained is checked like what it replaces:
 * the host and the path must be the signed ones.
 */
export function behindProxy(
  rules: ProxyRules | undefined,
  request: RequestView,
): MaybePromise<RequestView> {
  if (rules === undefined || !isTrusted(rules, request.remoteAddress)) return request;
  return loading === undefined
    ? asSent(rules, request)
    : loading.then(() => asSent(rules, request));
}

function asSent(rules: ProxyRules, request: RequestView): RequestView {
  return {
    ...request,
    headers: withForwardedHost(request.headers),
    target: withPrefix(rules, request.target),
    remoteAddress: clientAddress(rules, request),
    secure: isSecure(request.headers),
  };
}

function withForwardedHost(headers: readonly string[]): readonly string[] {
  const host = fieldValue(headers, FORWARDED_HOST);
  if (host === undefined) return headers;
  return headers.map((text, i) =>
    i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'host' ? host : text,
  );
}

function withPrefix({ prefixes }: ProxyRules, target: string): string {
  const found = prefixes.find(([here]) => target.startsWith(here));
  return found === undefined ? target : found[1] + target.slice(found[0].length);
}

/** The address next to the last trusted one; `undefined` if it cannot be told, so that rules on addresses refuse. */
function clientAddress(rules: ProxyRules, { headers, remoteAddress }: RequestView) {
  const lists = [hopsOfForwarded(headers), hopsOfXForwardedFor(headers)];
  const found = lists.flatMap((hops) => (hops === undefined ? [] : [firstStranger(rules, hops)]));
  // A proxy writes one of the two and lets the other through, so a caller could add it: they must agree.
  return found.length === 0 ? remoteAddress : found[0] === found.at(-1) ? found[0] : undefined;
}

/** Only HTTPS all the way is HTTPS. What the proxy does not say is not known, whatever its own connection is. */
function isSecure(headers: readonly string[]): boolean | undefined {
  const written = fieldValue(headers, 'x-forwarded-proto')?.split(',');
  const hops = [...(written ?? []), ...(protosOfForwarded(headers) ?? [])];
  return hops.length === 0
    ? undefined
    : hops.every((hop) => trimOws(hop).toLowerCase() === 'https');
}

function protosOfForwarded(headers: readonly string[]): readonly string[] | undefined {
  const value = fieldValue(headers, 'forwarded');
  if (value === undefined) return undefined;
  try {
    const protos = parsed(value).map((hop) => hop.proto);
    // A proxy may write the address alone. If one hop says how, all must.
    return protos.some((proto) => proto !== undefined) ? protos.map((proto) => proto ?? '') : [];
  } catch {
    return [''];
  }
}

function firstStranger(rules: ProxyRules, hops: readonly string[]): string | undefined {
  const hop = hops.findLast((address) => !isTrusted(rules, address)) ?? hops[0];
  return hop !== undefined && isIP(hop) !== 0 ? hop : undefined;
}

function hopsOfXForwardedFor(headers: readonly string[]): readonly string[] | undefined {
  return fieldValue(headers, 'x-forwarded-for')
    ?.split(',')
    .map((hop) => trimOws(hop));
}

/** RFC 7239 §4 and §6: `for=192.0.2.1`, `for="[2001:db8::1]:4711"`. */
function hopsOfForwarded(headers: readonly string[]): readonly string[] | undefined {
  const value = fieldValue(headers, 'forwarded');
  if (value === undefined) return undefined;
  try {
    return parsed(value).map((hop) => addressOf(hop.for ?? ''));
  } catch {
    return [''];
  }
}

function addressOf(node: string): string {
  return /^\[([^\]]*)\](?::[0-9]+)?$/.exec(node)?.[1] ?? node.replace(/:[0-9]+$/, '');
}

/** All values of a field as one list (RFC 9110 §5.2). */
function fieldValue(headers: readonly string[], name: string): string | undefined {
  let all: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== name) continue;
    all = all === undefined ? (headers[i + 1] as string) : `${all}, ${headers[i + 1]}`;
  }
  return all;
}

/** Checks the options `trustedProxies` and `prefix` of a verifier. */
export function checkProxies(cidrs: unknown, prefix: unknown): ProxyRules | undefined {
  if (cidrs === undefined) {
    if (prefix === undefined) return undefined;
    throw new TypeError('prefix: needs trustedProxies, the peers that take it off');
  }
  if (!Array.isArray(cidrs) || cidrs.length === 0) {
    throw new TypeError('trustedProxies: expected a list of addresses such as ["10.0.0.0/8"]');
  }
  if (parseForwarded === undefined) loadParser();
  const trusted = new BlockList();
  cidrs.forEach((cidr: unknown, i) => {
    const [, address = '', bits] = /^([0-9A-Fa-f:.]+)(?:\/([0-9]{1,3}))?$/.exec(String(cidr)) ?? [];
    const width = { 0: -1, 4: 32, 6: 128 }[isIP(address)] as number;
    const length = bits === undefined ? width : Number(bits);
    if (length > width || width === -1) {
      throw new TypeError(
        `trustedProxies[${i}]: expected an address or a CIDR block such as "10.0.0.0/8"`,
      );
    }
    trusted.addSubnet(address, length, width === 32 ? 'ipv4' : 'ipv6');
  });
  return { trusted, prefixes: checkPrefix(prefix) };
}

function checkPrefix(prefix: unknown = {}): ProxyRules['prefixes'] {
  if (typeof prefix !== 'object' || prefix === null || Array.isArray(prefix)) {
    throw new TypeError('prefix: expected a map such as { "/": "/api/" }');
  }
  for (const [here, signed] of Object.entries(prefix)) {
    if (!/^\/(?:.*\/)?$/.test(here) || !/^\/(?:.*\/)?$/.test(String(signed))) {
      throw new TypeError(`prefix["${here}"]: expected paths that begin and end with "/"`);
    }
  }
  return Object.entries(prefix).sort(([a], [b]) => b.length - a.length);
}
