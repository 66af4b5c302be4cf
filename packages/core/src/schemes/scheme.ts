import type { Algorithm } from '../algorithm.js';
import type { HeaderFields } from '../header-fields.js';
import type { SignedNames } from '../header-lines.js';
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
  /** The same, with what follows from them. */
  readonly signed: SignedNames;
  /** Canonical padded base64 of the length of the algorithm's MAC. */
  readonly signature: string;
  /** What a presigned URL says beyond that; its form is unchecked. */
  readonly presigned?: PresignedParameters | undefined;
}

/** The parameters of a presigned URL that say when and how often. */
export interface PresignedParameters {
  /** `YYYYMMDDTHHMMSSZ`, unchecked. */
  readonly date: string;
  /** Seconds, 1–604,800. */
  readonly expires: number;
  /** `undefined` where the URL may be used more than once. */
  readonly nonce: string | undefined;
}

/** When a claim is good: whole seconds since 1970, both ends included. */
export interface Validity {
  /** The signed time. */
  readonly date: number;
  readonly from: number;
  readonly until: number;
}

/**
 * A way to carry a signature: which fields hold it and what text it is over. The pipeline around it is the same for all.
 * None of these functions throws on any request.
 */
export interface Scheme {
  /** True if the fields that say what a body is must be among the signed ones; else `uncovered` refuses their presence. */
  readonly signsContent: boolean;
  /** Reads the claim; `undefined` where the request carries none of this scheme. */
  parse(request: SchemeRequest): UnverifiedClaim | Refusal | undefined;
  /** What must be covered and is not. Where the scheme signs content, the pipeline checks the content fields. */
  uncovered(claim: UnverifiedClaim, fields: HeaderFields): Refusal | undefined;
  /** The text whose MAC the claim's signature should be. */
  stringToSign(claim: UnverifiedClaim, request: CanonicalRequest): string;
  /** When the claim is good, for a verifier that allows clocks to differ by `skew` seconds; or `date_malformed`. */
  validity(claim: UnverifiedClaim, fields: HeaderFields, skew: number): Validity | Refusal;
  /** The signed nonce, its form unchecked; `undefined` where the claim may be used any number of times. */
  nonce(claim: UnverifiedClaim, fields: HeaderFields): string | undefined;
}
