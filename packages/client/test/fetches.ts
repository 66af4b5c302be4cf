import {
  createSigner,
  type FetchResponse,
  type SignedFetch,
  type SignedFetchOptions,
  signedFetch,
} from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { fetch as undiciFetch } from 'undici';

/** What the tests read of a response: both kinds have it. */
export interface AnyResponse extends FetchResponse {
  json(): Promise<unknown>;
  text(): Promise<string>;
}

type AnyFetch = NonNullable<SignedFetchOptions<AnyResponse>['fetch']>;

/** The fetch of the platform and that of undici, by name. */
export const FETCHES: readonly (readonly [name: string, fetch: AnyFetch])[] = [
  ['platform', (url, init) => fetch(url, init)],
  ['undici', (url, init) => undiciFetch(url, init)],
];

export const signer = createSigner(TEST_KEY);

/** A signed fetch on top of one of them. */
export function signedBy(
  fetch: AnyFetch,
  origins: readonly string[],
  options: Partial<SignedFetchOptions<AnyResponse>> = {},
): SignedFetch<AnyResponse> {
  return signedFetch(signer, { origins, fetch, ...options });
}
