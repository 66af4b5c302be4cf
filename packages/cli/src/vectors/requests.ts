import {
  canonicalHost,
  canonicalTarget,
  HeaderFields,
  headerLines,
  parseAuthorization,
  presignedScheme,
  publicCode,
  Refusal,
  stringToSign,
} from '@countersign/core';
import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  type RequestView,
  type Verdict,
} from '@countersign/server';
import { bytesOf } from './bytes.js';
import { compare, type Outcome } from './outcome.js';

/** What the verifier of a vector is made of. */
export interface VectorVerifier {
  /** RFC 3339. */
  readonly now: string;
  readonly skew: number;
  readonly hosts: readonly string[];
  readonly requiredHeaders: readonly string[];
  readonly maxBodyBytes: number;
  readonly presigned: boolean;
}

interface RequestVector {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body?: string;
    readonly bodyBase64?: string;
  };
  readonly verifier?: Partial<VectorVerifier>;
  readonly claimed?: readonly (readonly [credential: string, nonce: string])[];
}

/** A request that must be accepted. */
export interface AcceptedVector extends RequestVector {
  readonly credential: string;
  readonly secretId: string | null;
  readonly signedHeaders: readonly string[];
  readonly canonicalTarget: string;
  readonly stringToSign: string;
  readonly signature: string;
}

/** A request that must be refused, with this code. */
export interface RefusedVector extends RequestVector {
  readonly code: string;
  readonly publicCode: string;
  readonly status: number;
  readonly stringToSign?: string;
}

/** Verifies the request, and signs it again. */
export async function checkAccepted(
  vector: AcceptedVector,
  defaults: VectorVerifier,
  keys: KeyStore,
): Promise<Outcome> {
  const verdict = await verdictOn(vector, defaults, keys);
  if (verdict.verdict === 'refused') {
    return compare(vector.name, { verdict: 'accepted' }, { verdict: verdict.code });
  }
  const { identity, target } = verdict;
  const { credential, secretId, signedHeaders, canonicalTarget, signature } = vector;
  return compare(
    vector.name,
    {
      canonicalTarget,
      stringToSign: vector.stringToSign,
      signature,
      credential,
      secretId,
      signedHeaders,
    },
    {
      canonicalTarget: target,
      ...(await signedAgain(vector, { ...defaults, ...vector.verifier }, keys)),
      credential: identity.credential,
      secretId: identity.secretId ?? null,
      signedHeaders: identity.signedHeaders,
    },
  );
}

/** Verifies the request. The string to sign is compared where the verifier says it. */
export async function checkRefused(
  vector: RefusedVector,
  defaults: VectorVerifier,
  keys: KeyStore,
): Promise<Outcome> {
  const verdict = await verdictOn(vector, defaults, keys);
  const { code, status } = vector;
  const expected = { code, publicCode: vector.publicCode, status };
  if (verdict.verdict === 'accepted') return compare(vector.name, expected, { code: 'accepted' });
  const got = { code: verdict.code, publicCode: publicCode(verdict.code), status: verdict.status };
  const text = verdict.stringToSign;
  return text === undefined
    ? compare(vector.name, expected, got)
    : compare(
        vector.name,
        { ...expected, stringToSign: vector.stringToSign },
        { ...got, stringToSign: text },
      );
}

async function verdictOn(
  { request, verifier, claimed }: RequestVector,
  defaults: VectorVerifier,
  keys: KeyStore,
): Promise<Verdict> {
  const { now, ...rules } = { ...defaults, ...verifier };
  const clock = () => Date.parse(now);
  const nonces = memoryNonceStore({ start: 'fresh', skew: rules.skew, now: clock });
  for (const [credential, nonce] of claimed ?? []) {
    nonces.claim(credential, nonce, Math.floor(clock() / 1000) + 2 * rules.skew);
  }
  return createVerifier({ ...rules, keys, nonces, now: clock }).verify(viewOf(request));
}

function viewOf(request: RequestVector['request']): RequestView {
  const { method, target, headers } = request;
  const hasBody = request.body !== undefined || request.bodyBase64 !== undefined;
  return {
    method,
    target,
    headers: headers.flat(),
    body: hasBody ? bytesOf(request) : undefined,
  };
}

/** What a signer makes of the same request, credential and secret. */
async function signedAgain(
  { request, credential, secretId }: AcceptedVector,
  { presigned }: VectorVerifier,
  keys: KeyStore,
): Promise<{ readonly stringToSign?: string; readonly signature?: string }> {
  const fields = new HeaderFields(request.headers.flat());
  const target = canonicalTarget(request.target);
  const host = canonicalHost(fields.get('host') ?? '');
  const key = await keys.find(credential);
  const secret = key?.secrets.find(({ id }) => (id ?? null) === secretId)?.secret;
  if (target instanceof Refusal || host instanceof Refusal) return {};
  const claim = presigned ? presignedScheme.parse({ ...request, fields }) : undefined;
  if (claim instanceof Refusal) return {};
  if (claim !== undefined) {
    const text = presignedScheme.stringToSign(claim, {
      ...request,
      ...{ fields, canonicalTarget: target, host },
    });
    const base64 = secret?.sign(claim.algorithm, text);
    return base64 === undefined
      ? { stringToSign: text }
      : { stringToSign: text, signature: Buffer.from(base64, 'base64').toString('base64url') };
  }
  const field = parseAuthorization(fields.get('authorization') ?? '');
  if (field instanceof Refusal) return {};
  const { algorithm, signedHeaders } = field;
  const text = stringToSign({
    algorithm,
    credential,
    method: request.method,
    target,
    headerLines: headerLines(signedHeaders, fields, host),
  });
  const signature = secret?.sign(algorithm, text);
  return signature === undefined ? { stringToSign: text } : { stringToSign: text, signature };
}
