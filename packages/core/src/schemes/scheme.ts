import type { Algorithm } from '../algorithm.js';
import type { HeaderFields } from '../header-fields.js';
import type { Refusal } from '../refusal.js';

/** What a scheme reads a claim from. */
export interface SchemeRequest {
  readonly method: string;
  /** As on the request line. */
  readonly target: string;
  readonly fields: HeaderFields;
}

/** The same request once its target and host were found to have a canonical form. */
export interface CanonicalRequest extends SchemeRequest {
  readonly canonicalTarget: string;
  readonly host: string;
}

/** What a request says of itself. Nothing of it is believed before the signature holds. */
export interface UnverifiedClaim {
  readonly scheme: Scheme;
  readonly algorithm: Algorithm;
  readonly credential: string;
  /** Lower-case names of the header fields that the signature covers, ascending. */
  readonly signedHeaders: readonly string[];
  /** Canonical padded base64 of the length of the algorithm's MAC. */
  readonly signature: string;
}

/**
 * A way to carry a signature: which fields hold it and what text it is over. The pipeline around it is the same for all.
 * None of these functions throws on any request.
 */
export interface Scheme {
  /** Reads the claim; `undefined` where the request carries none of this scheme. */
  parse(request: SchemeRequest): UnverifiedClaim | Refusal | undefined;
  /** What of the scheme's own must be covered and is not. Content fields are checked by the pipeline. */
  uncovered(claim: UnverifiedClaim, fields: HeaderFields): Refusal | undefined;
  /** The text whose MAC the claim's signature should be. */
  stringToSign(claim: UnverifiedClaim, request: CanonicalRequest): string;
  /** The signed time, in whole seconds since 1970, or a refusal with `date_malformed`. */
  date(claim: UnverifiedClaim, fields: HeaderFields): number | Refusal;
  /** The signed nonce, its form unchecked. */
  nonce(claim: UnverifiedClaim, fields: HeaderFields): string;
}
