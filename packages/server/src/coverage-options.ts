import { canonicalHost, signedHeadersFault } from '@countersign/core';

/** The option `hosts`. */
export function checkHosts(hosts: unknown): ReadonlySet<string> {
  if (!Array.isArray(hosts) || hosts.length === 0) {
    throw new TypeError(
      'hosts: expected a list with at least one host, such as ["api.example.com"]',
    );
  }
  return new Set(
    hosts.map((host: unknown, i) => {
      const canonical = typeof host === 'string' ? canonicalHost(host) : undefined;
      if (typeof canonical !== 'string') {
        throw new TypeError(
          `hosts[${i}]: expected a host such as "api.example.com" or "localhost:8080"`,
        );
      }
      return canonical;
    }),
  );
}

/** The option `requiredHeaders`, in lower case. */
export function checkRequiredHeaders(names: unknown): readonly string[] {
  if (!Array.isArray(names))
    throw new TypeError('requiredHeaders: expected a list of header names');
  return names.map((name: unknown, i) => {
    const lower = typeof name === 'string' ? name.toLowerCase() : '';
    if (signedHeadersFault([lower]) !== undefined) {
      throw new TypeError(
        `requiredHeaders[${i}]: expected the name of a header field that can be signed`,
      );
    }
    return lower;
  });
}
