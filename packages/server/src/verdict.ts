import type { Algorithm, Refusal } from '@countersign/core';

/** Who made a request, as verified. Only the last stage makes one. */
export interface Identity {
  readonly credential: string;
  readonly algorithm: Algorithm;
  /** Group of the key, if it has one. */
  readonly group: string | undefined;
  /** `id` of the secret that the signature was made with, if it has one. */
  readonly secretId: string | undefined;
  /** Lower-case names of the header fields that are as the caller sent them; all others may have been altered. */
  readonly signedHeaders: readonly string[];
}

/** The request is from whom it says, unaltered and new. */
export interface Accepted {
  readonly verdict: 'accepted';
  readonly identity: Identity;
  /** The canonical target, whose path and query the caller signed. */
  readonly target: string;
  /** The verified bytes; empty if there was no body, or if it is handed on while it arrives. */
  readonly body: Uint8Array;
  /** Address of the caller, as far as the peer and trusted proxies tell. */
  readonly remoteAddress: string | undefined;
}

/** No credentials at all, on a route that takes such requests. Nothing about the request is verified. */
export interface Anonymous {
  readonly verdict: 'anonymous';
}

/** What `verify` answers: never an exception on what a stranger sends. */
export type Verdict = Accepted | Refusal;
