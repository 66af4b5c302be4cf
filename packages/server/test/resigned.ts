import {
  type Algorithm,
  canonicalHost,
  canonicalTarget,
  HeaderFields,
  headerLines,
  parseAuthorization,
  Refusal,
  Secret,
  stringToSign,
} from '@countersign/core';
import {
  headerOf,
  type SignedRequestView,
  TEST_KEY,
  withAuthorization,
} from '@countersign/testkit';

/** The same request signed once more, as it now stands: what a signer that checks nothing would send. */
export function resigned(view: SignedRequestView, names?: readonly string[]): SignedRequestView {
  const field = parseAuthorization(headerOf(view, 'authorization') ?? '');
  const target = canonicalTarget(view.target);
  const host = canonicalHost(headerOf(view, 'host') ?? '');
  if (field instanceof Refusal || target instanceof Refusal || host instanceof Refusal) {
    throw new TypeError('view: cannot be signed');
  }
  const { credential, signedHeaders: before } = field;
  const algorithm: Algorithm = field.algorithm;
  const signedHeaders = names === undefined ? before : [...names].sort();
  const lines = headerLines(signedHeaders, new HeaderFields(view.headers), host);
  const parts = { algorithm, credential, method: view.method, target, headerLines: lines };
  const signature = Secret.from(TEST_KEY.secret).sign(algorithm, stringToSign(parts));
  return withAuthorization(view, { signedHeaders, signature });
}
