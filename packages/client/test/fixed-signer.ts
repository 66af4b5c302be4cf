import {
  createSigner,
  type ExplainedSignature,
  type RequestToSign,
  type SignatureHeaders,
  type Signer,
  type SignerOptions,
} from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';

/** The time of the worked examples, in milliseconds since 1970. */
export const NOW = Date.UTC(2020, 0, 1, 12, 0, 30);

/** The same as a field value. */
export const DATE = 'Wed, 01 Jan 2020 12:00:30 GMT';

export const ORIGIN = 'https://api.example.com';

/** A signer whose clock and nonce stand still. */
export function fixedSigner(options: Partial<SignerOptions> = {}): Signer {
  const nonce = () => 'AAAAAAAAAAAAAAAAAAAAAA';
  return createSigner({ ...TEST_KEY, now: () => NOW, nonce, ...options });
}

/** What such a signer makes of a request to the root of {@link ORIGIN}, unless said otherwise. */
export function explain(
  request: Partial<RequestToSign>,
  options: Partial<SignerOptions> = {},
): ExplainedSignature {
  return fixedSigner(options).explain({ url: `${ORIGIN}/`, ...request });
}

/** The same, but only the fields to send. */
export function sign(
  request: Partial<RequestToSign>,
  options: Partial<SignerOptions> = {},
): SignatureHeaders {
  return fixedSigner(options).sign({ url: `${ORIGIN}/`, ...request });
}
