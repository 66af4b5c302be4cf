import { type RefusalDocument, RefusedError, readRefusal } from '../refused-error.js';
import { ResponseFaultError } from '../response-fault-error.js';
import {
  type SignedFetchInit,
  type SignedFetchOptions,
  signedFetch,
  signedTextOf,
} from '../signed-fetch.js';
import type { Signer } from '../signer.js';

/** How requests are sent and how far they may go. */
export type SignedKyOptions = SignedFetchOptions<Response>;

/** What ky hands to `beforeError`: an error in ky 1, a state with one in ky 2. */
export type KyGivenError = Error | { readonly error: Error };

/** What is read of the state that ky hands to `beforeRetry`. */
export interface KyRetryState {
  readonly error: Error;
  readonly options: object;
}

/** What `ky.create` and `ky.extend` take. */
export interface SignedKyExtension {
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  readonly hooks: {
    /** Gives an error; ky 1 wants it to be an HTTPError and ky 2 does not, and `never` fits both. */
    readonly beforeError: ((given: KyGivenError) => never)[];
    readonly beforeRetry: ((state: KyRetryState) => Promise<void>)[];
  };
}

interface Refusal {
  readonly document: RefusalDocument;
  readonly signed: string;
}

interface RetryRules {
  readonly statusCodes: readonly number[];
  readonly afterStatusCodes: readonly number[];
  readonly maxRetryAfter?: number | undefined;
}

const LONGEST_REFUSAL = 65_536;
// What is thrown here names its part first, and what a fetch throws does not.
const NAMES_A_PART = /^[A-Za-z]+: /;

/**
 * Gives the options for `ky.create` or `ky.extend` with which every attempt is signed: ky hands each of its retries to `fetch`
 * anew, and that is signedFetch.
 *
 * Where ky would reject with the HTTPError of a refusal, it rejects with a RefusedError whose `cause` that is.
 *
 * @throws TypeError or RangeError that names the option; requests reject with TypeError or RangeError for what cannot be
 *   signed, and with ResponseFaultError for a response that had to be signed and is not: neither is tried again
 * @example
 * const api = ky.create(signedKy(signer, { origins: ['https://api.example.com'] }));
 * const order = await api.post('https://api.example.com/v1/orders', { json: { sku: 'A-1', qty: 2 } }).json();
 */
export function signedKy(signer: Signer, options: SignedKyOptions): SignedKyExtension {
  const refusals = new WeakMap<object, Refusal>();
  const call = signedFetch<Response>(signer, options);

  const fetch: SignedKyExtension['fetch'] = async (input, init) => {
    const response = await call(input, init as SignedFetchInit | undefined);
    const document = await refusalOf(response);
    if (document !== undefined)
      refusals.set(response, { document, signed: signedTextOf(response) });
    return response;
  };

  const beforeError = (given: KyGivenError): Error => {
    const error: Error & { response?: Response } = given instanceof Error ? given : given.error;
    const { response } = error;
    const refusal = response && refusals.get(response);
    if (refusal === undefined) return error;
    const { document, signed } = refusal;
    return new RefusedError(response?.status as number, document, signed, { cause: error });
  };

  return {
    fetch,
    hooks: {
      beforeError: [beforeError as (given: KyGivenError) => never],
      beforeRetry: [beforeRetry],
    },
  };
}

/** What the response says of a refusal; it can still be read. */
async function refusalOf(response: Response): Promise<RefusalDocument | undefined> {
  const { ok, headers } = response;
  const type = headers.get('content-type');
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (ok || !type?.startsWith('application/problem+json') || !(length <= LONGEST_REFUSAL)) {
    return undefined;
  }
  return readRefusal(type, await response.clone().text());
}

/** Ends the retries of what no retry will change. */
async function beforeRetry({ error, options }: KyRetryState): Promise<void> {
  const isOurs =
    (error instanceof TypeError || error instanceof RangeError) && NAMES_A_PART.test(error.message);
  if (isOurs || error instanceof ResponseFaultError) throw error;
  // Of a RefusedError, ky 1 does not know whether and when it is to be tried again.
  if (error instanceof RefusedError)
    await untilRetry(error, (options as { retry: RetryRules }).retry);
}

async function untilRetry(refused: RefusedError, rules: RetryRules): Promise<void> {
  const { status, cause } = refused;
  const { headers } = (cause as { response: Response }).response;
  const { statusCodes, afterStatusCodes, maxRetryAfter = Number.POSITIVE_INFINITY } = rules;
  const seconds = headers.get('retry-after');
  if (!statusCodes.includes(status) || (status === 413 && seconds === null)) throw refused;
  if (seconds === null || !afterStatusCodes.includes(status)) return;
  const wait = Math.min(Number(seconds) * 1000, maxRetryAfter);
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}
