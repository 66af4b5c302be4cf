const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Fields that say what the body is; they go with it. */
export const CONTENT_FIELDS: readonly string[] = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
];

/** Names of the fields that do not go on to where a redirect leads: those of the body, and what is meant for one origin. */
export function fieldsLeft(from: URL, to: URL, isGet: boolean): readonly string[] {
  const own = from.origin === to.origin ? [] : ['cookie', 'proxy-authorization'];
  return own.concat(isGet ? CONTENT_FIELDS : []);
}

/** Where a redirect leads; `undefined` if the answer is none. */
export function redirectTarget(
  status: number,
  location: string | null | undefined,
  from: URL,
): URL | undefined {
  return REDIRECTS.has(status) && location != null ? new URL(location, from) : undefined;
}

/** True if the redirected request is a GET without the body (Fetch, "HTTP-redirect fetch", step 12). */
export function becomesGet(status: number, method: string): boolean {
  return (
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST')
  );
}
