import type { AnsweredRequest, Secret } from '@countersign/core';
import { type PresignOptions, presignUrl } from './presign.js';
import type { SignableBody } from './request-body.js';
import { type Layers, signAttempt } from './sign-attempt.js';
import { checkSignerOptions, type SignerOptions, type SignerRules } from './signer-options.js';

/** Header fields of a request, in any of the shapes of fetch. */
export type HeadersInput =
  | Readonly<Record<string, string>>
  | Iterable<readonly [name: string, value: string]>;

/** A request that is about to be sent. */
export interface RequestToSign {
  /** As it will be sent; `GET` unless said otherwise. */
  readonly method?: string | undefined;
  /** Absolute. Text is signed as it stands; give a `URL` for what the WHATWG parser makes of it. */
  readonly url: string | URL;
  /** The fields that will be sent. None of the signer's own; `Host` only if it is that of the URL. */
  readonly headers?: HeadersInput | undefined;
  /** The bytes that will be sent, after any content coding. */
  readonly body?: SignableBody | null | undefined;
  /** Content-Digest of a body that is not given here, such as `sha-256=:…:`. */
  readonly digest?: string | undefined;
}

/** The header fields to add to the request, each replacing what the request may have under that name. */
export type SignatureHeaders = Readonly<Record<string, string>>;

/** A signature with the layers it was made of, to look at. */
export interface ExplainedSignature {
  readonly headers: SignatureHeaders;
  readonly canonicalTarget: string;
  readonly signedHeaders: readonly string[];
  readonly stringToSign: string;
}

/** Signs requests. Every call makes a new nonce: sign every attempt, retries and redirects included. */
export interface Signer {
  readonly credential: string;
  /**
   * The header fields to send: Date (or X-Date), X-Nonce, Content-Digest for a body, Authorization; and Content-Type where
   * the body is URLSearchParams and none was given.
   *
   * @throws TypeError if the request cannot be signed; the message names the part
   */
  sign(request: RequestToSign): SignatureHeaders;
  /** The same, with the canonical target and the string to sign. */
  explain(request: RequestToSign): ExplainedSignature;
  /**
   * The same, for `checkAnswer` to hold the answer against.
   *
   * @param clockOffset - seconds that the server's clock is ahead of this one
   */
  attempt(request: RequestToSign, clockOffset?: number): SignedAttempt;
  /**
   * A URL that whoever holds it may GET until it expires (section 4 of the protocol). Nothing else of a request is signed.
   *
   * @throws TypeError or RangeError that names the part
   * @example signer.presign('https://api.example.com/v1/invoices/7.pdf', { expiresIn: 3600 })
   */
  presign(url: string | URL, options: PresignOptions): string;
  /** Loads the secret, where `secret` is a function; rejects with what that rejects with. */
  ready(): Promise<void>;
  /**
   * Asks that function again. True if it gave another secret; `sign` uses it from then on.
   *
   * @param used - the secret that was refused; true at once if another one is in use by now
   */
  reload(used?: Secret): Promise<boolean>;
  /** Whole seconds since 1970, by the signer's clock. */
  second(): number;
}

/** One signed request, and what `checkAnswer` needs to believe its answer. */
export interface SignedAttempt extends ExplainedSignature {
  /** Whose it is, its signature, and the secret that made it: which shows itself to nobody. */
  readonly request: AnsweredRequest;
}

/**
 * Makes a signer. Options are checked here, once.
 *
 * @throws TypeError or RangeError that names the option, and never repeats the secret
 * @example
 * const signer = createSigner({ credential: 'orders-service', secret: process.env.COUNTERSIGN_SECRET });
 * const headers = signer.sign({ method: 'POST', url: 'https://api.example.com/v1/orders', body: '{}' });
 */
export function createSigner(options: SignerOptions): Signer {
  const rules = checkSignerOptions(options);
  return Object.freeze({
    credential: rules.credential,
    sign: (request: RequestToSign) => signAttempt(rules, request, 0).headers,
    explain: (request: RequestToSign) => explained(signAttempt(rules, request, 0)),
    attempt: (request: RequestToSign, clockOffset = 0) => attempt(rules, request, clockOffset),
    presign: (url: string | URL, options: PresignOptions) => presignUrl(rules, url, options),
    ready: () => rules.secret.ready(),
    reload: (used?: Secret) => rules.secret.reload(used),
    second: rules.second,
  });
}

function explained(layers: Layers): ExplainedSignature {
  const { headers, canonicalTarget, signedHeaders, stringToSign } = layers;
  return { headers, canonicalTarget, signedHeaders, stringToSign };
}

function attempt(rules: SignerRules, request: RequestToSign, offset: number): SignedAttempt {
  const { algorithm, credential } = rules;
  const layers = signAttempt(rules, request, offset);
  const { signature } = layers;
  // The secret that signed, even if another one is loaded before the answer comes.
  const secret = rules.secret.current;
  return { ...explained(layers), request: { algorithm, credential, secret, signature } };
}
