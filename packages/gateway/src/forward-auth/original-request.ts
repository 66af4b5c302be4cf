import { isIP } from 'node:net';
import { TOKEN } from '@countersign/core';
import { type ForwardAuthFault, fault } from './fault.js';

/** What the caller asked of the proxy. */
export interface OriginalRequest {
  readonly method: string;
  /** As on the request line. */
  readonly target: string;
  /** Name, value, name, value …: the caller's fields, and the framing that the proxy tells of. */
  readonly headers: readonly string[];
  readonly declaresBody: boolean;
  readonly remoteAddress: string;
  readonly secure: boolean;
}

/** The fields in which a proxy says what was asked, each exactly once. */
export const ORIGINAL_FIELDS = [
  'X-Original-Method',
  'X-Original-URI',
  'X-Original-Content-Length',
  'X-Original-Transfer-Encoding',
  'X-Original-Address',
  'X-Original-Scheme',
] as const;

// As they are written, and in lower case.
const PLACES: ReadonlyMap<string, number> = new Map(
  ORIGINAL_FIELDS.flatMap((name, place) => [
    [name, place] as const,
    [name.toLowerCase(), place] as const,
  ]),
);

/**
 * Reads a subrequest back into the request it is about.
 *
 * @param raw - its fields, as they came
 */
export function originalRequest(raw: readonly string[]): OriginalRequest | ForwardAuthFault {
  const told: (string | undefined)[] = [];
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [raw[i] as string, raw[i + 1] as string];
    const lower = PLACES.has(name) ? name : name.toLowerCase();
    const place = PLACES.get(lower);
    if (place !== undefined) {
      if (told[place] !== undefined) {
        return fault('original_duplicated', `${ORIGINAL_FIELDS[place]} occurs more than once.`);
      }
      told[place] = value;
    } else if (lower === 'transfer-encoding' || (lower === 'content-length' && value !== '0')) {
      return fault('subrequest_body', 'A subrequest has no body; the body stays with the proxy.');
    } else if (lower !== 'content-length') headers.push(name, value);
  }
  return withFraming(told, headers);
}

function withFraming(
  told: readonly (string | undefined)[],
  headers: string[],
): OriginalRequest | ForwardAuthFault {
  const absent = ORIGINAL_FIELDS.findIndex((_, place) => (told[place] ?? '') === '');
  if (absent !== -1) return fault('original_missing', `${ORIGINAL_FIELDS[absent]} is absent.`);
  const [method, target, length, coding, address, scheme] = told as string[] as Told;
  const wrong = MALFORMED.findIndex((isMalformed, place) => isMalformed(told[place] as string));
  if (wrong !== -1) {
    return fault('original_malformed', `${ORIGINAL_FIELDS[wrong]} has not its form.`);
  }
  const [contentLength, transferEncoding] = [length.slice(3), coding.slice(3)];
  // What their values may be, the verifier knows: a length that is no number is refused there.
  if (contentLength !== '') headers.push('Content-Length', contentLength);
  if (transferEncoding !== '') headers.push('Transfer-Encoding', transferEncoding);
  return {
    method,
    target,
    headers,
    declaresBody: transferEncoding !== '' || !/^0*$/.test(contentLength),
    remoteAddress: address,
    secure: scheme === 'https',
  };
}

type Told = [
  method: string,
  target: string,
  length: string,
  coding: string,
  address: string,
  scheme: string,
];

// In the order of the fields.
const MALFORMED: readonly ((value: string) => boolean)[] = [
  (method) => !TOKEN.test(method),
  () => false, // the verifier refuses all but one form of target, and says which rule it breaks
  (length) => !length.startsWith('cl='),
  (coding) => !coding.startsWith('te='),
  (address) => isIP(address) === 0,
  (scheme) => scheme !== 'http' && scheme !== 'https',
];
