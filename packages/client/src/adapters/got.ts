import type { ClientRequest, RequestOptions } from 'node:http';
import {
  type ClientOptions,
  type ClientRules,
  checkClientOptions,
} from '../axios/client-options.js';
import { isOldStream, piecesOfOldStream } from '../axios/form-stream.js';
import { held, MAX_BODY_BYTES } from '../body.js';
import { signedTextOf } from '../got/sending.js';
import { isOwnFault, own, SignedClientRequest } from '../got/signed-client-request.js';
import { allowed } from '../origins.js';
import { RefusedError, readRefusal } from '../refused-error.js';
import type { Signer } from '../signer.js';

/** How requests are sent and how far they may go. */
export type SignedGotOptions = ClientOptions;

/** What is read of got's options. */
export interface GotRequestOptions {
  url?: URL | string | undefined;
  body?: unknown;
  request?: unknown;
  cache?: unknown;
  http2?: boolean;
}

/** What `got.extend` takes. */
export interface SignedGotExtension {
  /** Stands for `http.request`. */
  readonly request: (url: URL, options: RequestOptions) => ClientRequest;
  readonly hooks: {
    readonly beforeRequest: ((options: GotRequestOptions) => Promise<void>)[];
    readonly beforeError: ((error: Error) => Error)[];
  };
}

/**
 * Gives the options for `got.extend` with which every attempt is signed, in the place of `http.request`: below all hooks, and
 * anew for each retry and each redirect.
 *
 * `got.stream` is signed too: what is written to it is held until it ends, up to `maxBodyBytes`. The options `cache`, `http2` and
 * `request` are refused. Where got would reject with the HTTPError of a refusal, it rejects with a RefusedError whose `cause` that is.
 *
 * @throws TypeError or RangeError that names the option; requests reject with TypeError or RangeError for what cannot be
 *   signed, and with ResponseFaultError for a response that had to be signed and is not
 * @example
 * const api = got.extend(signedGot(signer, { origins: ['https://api.example.com'] }));
 * const order = await api.post('https://api.example.com/v1/orders', { json: { sku: 'A-1', qty: 2 } }).json();
 */
export function signedGot(signer: Signer, options: SignedGotOptions): SignedGotExtension {
  const rules = checkClientOptions(signer, options);
  const request = (url: URL, native: RequestOptions): ClientRequest => {
    checkOrigin(url, rules);
    const standIn = new SignedClientRequest(signer, rules, { url, options: native });
    return standIn as unknown as ClientRequest;
  };

  const beforeRequest = async (given: GotRequestOptions): Promise<void> => {
    if (given.request !== request)
      throw own(new TypeError('request: signedGot is the one that sends'));
    if (given.http2) throw own(new TypeError('http2: signedGot sends over HTTP/1.1'));
    if (given.cache) throw own(new TypeError('cache: a stored answer is that to another request'));
    checkOrigin(given.url, rules);
    const pieces = piecesOf(given.body);
    if (pieces === undefined) return;
    // Held before the first attempt, so that there can be another one.
    const bytes = await held(pieces, rules.maxBodyBytes ?? MAX_BODY_BYTES).catch((error) => {
      throw error instanceof RangeError ? own(error) : error;
    });
    given.body = Buffer.from(bytes.buffer);
  };

  return { request, hooks: { beforeRequest: [beforeRequest], beforeError: [explained] } };
}

function checkOrigin(url: URL | string | undefined, { origins }: ClientRules): void {
  try {
    allowed(new URL(url ?? ''), origins);
  } catch (error) {
    throw own(error as Error);
  }
}

/** A body that comes in pieces; `undefined` for one that is there. */
function piecesOf(body: unknown): AsyncIterable<Uint8Array | string> | undefined {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return undefined;
  if (isOldStream(body)) return piecesOfOldStream(body);
  const pieces = body as AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;
  return (async function* () {
    yield* pieces;
  })();
}

/** What of got's errors is a refusal, or a fault that was found here. */
function explained(error: Error): Error {
  if (isOwnFault(error.cause)) return error.cause;
  const { response } = error as { response?: GotResponse };
  if (error.name !== 'HTTPError' || response === undefined) return error;
  const text = new TextDecoder().decode(response.rawBody);
  const refusal = readRefusal(response.headers['content-type'], text);
  if (refusal === undefined) return error;
  return new RefusedError(response.statusCode, refusal, signedTextOf(response), { cause: error });
}

interface GotResponse {
  readonly statusCode: number;
  readonly headers: NodeJS.Dict<string | string[]> & { readonly 'content-type'?: string };
  readonly rawBody?: Uint8Array;
  readonly req?: ClientRequest;
}
