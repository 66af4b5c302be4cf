/** Where a request goes: what the Host field and the request line say. */
export interface RequestUrl {
  /** `http:` or `https:`. */
  readonly protocol: string;
  /** Host and port as written; the default port may be missing. */
  readonly host: string;
  /** Origin-form: path and query, byte for byte as they will be sent. */
  readonly target: string;
}

const ABSOLUTE = /^(https?:)\/\/([^/?#\\]*)([^#]*)/i;

/**
 * Takes a URL apart without repairing it. Text is signed as it stands, so `/a/../b` or a space is refused later instead of
 * becoming another resource; give a `URL` for what the WHATWG parser makes of a text.
 *
 * @param url - `http:` or `https:`; a fragment is dropped, since it is never sent
 * @throws TypeError if it is not such a URL, or has user-info
 */
export function parseRequestUrl(url: string | URL): RequestUrl {
  const text = typeof url === 'string' ? url : url instanceof URL ? url.href : undefined;
  const match = text === undefined ? null : ABSOLUTE.exec(text);
  if (match === null) throw new TypeError('url: expected an absolute http: or https: URL');
  const host = match[2] as string;
  const rest = match[3] as string;
  if (host.includes('@'))
    throw new TypeError('url: user-info ("user:password@") cannot be sent in a signed request');
  if (host === '') throw new TypeError('url: the host is missing');
  return {
    protocol: (match[1] as string).toLowerCase(),
    host,
    target: rest.startsWith('/') ? rest : `/${rest}`,
  };
}
