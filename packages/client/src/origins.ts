/**
 * The origins that may be called. Nothing is signed for any other.
 *
 * @throws TypeError that names the option
 */
export function checkOrigins(origins: unknown): ReadonlySet<string> {
  if (!Array.isArray(origins) || origins.length === 0) {
    throw new TypeError(
      'origins: expected a list with at least one origin, such as ["https://api.example.com"]',
    );
  }
  return new Set(
    origins.map((origin: unknown, i) => {
      const url = typeof origin === 'string' && URL.canParse(origin) ? new URL(origin) : undefined;
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
        throw new TypeError(`origins[${i}]: expected an origin such as "https://api.example.com"`);
      }
      return url.origin;
    }),
  );
}

/** The same URL; throws a TypeError if its origin is not among them. */
export function allowed(url: URL, origins: ReadonlySet<string>): URL {
  if (!origins.has(url.origin)) {
    throw new TypeError(`origins: ${url.origin} is not among them, so nothing was sent there`);
  }
  return url;
}
