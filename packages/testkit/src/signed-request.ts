import {
  createSigner,
  type HeadersInput,
  parseRequestUrl,
  type RequestToSign,
  type SecretValue,
  type SignableBody,
  type SignerOptions,
} from '@countersign/client';
import type { RequestView } from '@countersign/server';
import { TEST_KEY } from './test-key.js';

/** A request and who signs it. What is left out is that of the worked example, or absent. */
export interface SignedRequestOptions extends Omit<Partial<SignerOptions>, 'secret'> {
  readonly secret?: SecretValue;
  /** `GET` unless said otherwise. */
  readonly method?: string;
  /** Absolute; `https://api.example.com/` unless said otherwise. Text is sent as it stands. */
  readonly url?: string | URL;
  /** Fields to send besides Host, Content-Length and the signer's own. */
  readonly headers?: HeadersInput;
  readonly body?: SignableBody | null;
  /** Address of the peer. */
  readonly remoteAddress?: string;
}

/** A request view whose body, if any, is there as bytes. */
export interface SignedRequestView extends RequestView {
  readonly body?: Uint8Array | undefined;
}

const METHODS_WITH_BODY: readonly string[] = ['POST', 'PUT', 'PATCH'];

/**
 * A request as a server would see it, signed by `@countersign/client`: Host, the given fields, Content-Length where there
 * is a body or the method expects one, and the signer's own fields.
 *
 * @param options - the request; and the options of `createSigner`, by default those of `TEST_KEY`
 * @throws TypeError or RangeError that names what cannot be signed
 * @example
 * const view = signedRequest({ method: 'POST', url: 'https://api.example.com/v1/orders', body: '{}' });
 * const verdict = await verifier.verify(withTarget(view, '/v1/invoices')); // refused
 */
export function signedRequest(options: SignedRequestOptions = {}): SignedRequestView {
  const { method = 'GET', url = 'https://api.example.com/', body, remoteAddress } = options;
  const given = pairsOf(options.headers ?? {});
  const request: RequestToSign = { method, url, headers: given, body };
  const signature = signerOf(options).sign(request);
  const { host, target } = parseRequestUrl(url);
  const bytes = bytesOf(body);

  const headers = ['Host', host];
  for (const [name, value] of given) {
    if (name.toLowerCase() !== 'host') headers.push(name, value);
  }
  const declaresLength = given.some(([name]) =>
    /^(?:content-length|transfer-encoding)$/i.test(name),
  );
  if (!declaresLength && (bytes !== undefined || METHODS_WITH_BODY.includes(method))) {
    headers.push('Content-Length', String(bytes?.length ?? 0));
  }
  headers.push(...Object.entries(signature).flat());
  return { method, target, headers, body: bytes, remoteAddress };
}

function signerOf({ method, url, headers, body, remoteAddress, ...signer }: SignedRequestOptions) {
  return createSigner({ ...TEST_KEY, ...signer });
}

/** The fields as pairs, so that an iterator is read only once. */
function pairsOf(headers: HeadersInput): (readonly [string, string])[] {
  return Symbol.iterator in headers ? [...headers] : Object.entries(headers);
}

/** What the signer took the digest of. It has refused everything else by then. */
function bytesOf(body: SignableBody | null | undefined): Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  return new TextEncoder().encode(body.toString());
}
