import {
  canonicalHost,
  canonicalTarget,
  HeaderFields,
  isNonce,
  presignedScheme,
  Refusal,
  Secret,
} from '@countersign/core';
import { describe, expect, it } from 'vitest';
import { keyOf, presignedVectors, type RequestVector } from './vector-files.js';

interface Accepted {
  readonly credential: string;
  readonly secretId: string | null;
  readonly signedHeaders: readonly string[];
  readonly canonicalTarget: string;
  readonly stringToSign: string;
  readonly signature: string;
}

interface Refused {
  readonly code: string;
  readonly stage: number;
  readonly stringToSign?: string;
}

function read({ request }: RequestVector) {
  const fields = new HeaderFields(request.headers.flat());
  return { ...request, fields, claim: presignedScheme.parse({ ...request, fields }) };
}

function textOf(vector: RequestVector): string {
  const { claim, fields, method, target } = read(vector);
  const canonical = canonicalTarget(target);
  const host = canonicalHost(fields.get('host') ?? '');
  if (claim === undefined || claim instanceof Refusal) throw new Error('no claim');
  if (canonical instanceof Refusal || host instanceof Refusal) throw new Error('not canonical');
  const request = { method, target, fields, canonicalTarget: canonical, host };
  return presignedScheme.stringToSign(claim, request);
}

describe('presigned URLs of accepted.json', () => {
  const vectors = presignedVectors<Accepted>('accepted.json').filter(
    ({ request }) => !request.headers.some(([name]) => name === 'Authorization'),
  );

  it('are there', () => expect(vectors.length).toBeGreaterThanOrEqual(40));

  it.each(vectors)('$name', (vector) => {
    const { claim, fields } = read(vector);
    if (claim === undefined || claim instanceof Refusal) throw new Error('no claim');
    const { algorithm, secret } = keyOf(vector.credential, vector.secretId);
    expect(claim).toMatchObject({ algorithm, credential: vector.credential });
    expect(claim.signedHeaders).toEqual(vector.signedHeaders);
    expect(Buffer.from(claim.signature, 'base64').toString('base64url')).toBe(vector.signature);
    expect(presignedScheme.uncovered(claim, fields)).toBeUndefined();
    expect(textOf(vector)).toBe(vector.stringToSign);
    expect(Secret.from(secret).sign(algorithm, vector.stringToSign)).toBe(claim.signature);
    const { now, skew } = vector.conditions;
    const validity = presignedScheme.validity(claim, fields, skew);
    if (validity instanceof Refusal) throw new Error(validity.detail);
    const second = Math.floor(Date.parse(now) / 1000);
    expect(second).toBeGreaterThanOrEqual(validity.from);
    expect(second).toBeLessThanOrEqual(validity.until);
    expect(isNonce(presignedScheme.nonce(claim, fields) ?? 'x'.repeat(16))).toBe(true);
  });
});

// The whole of the pipeline runs them in the server's tests; here, what the scheme itself has to find.
describe('presigned URLs of refused.json', () => {
  const vectors = presignedVectors<Refused>('refused.json').filter(({ stage }) => stage > 1);

  it('are there', () => expect(vectors.length).toBeGreaterThanOrEqual(150));

  it.each(vectors)('$name', (vector) => {
    const { claim, fields } = read(vector);
    if (vector.code === 'authorization_missing') return expect(claim).toBeUndefined();
    if (vector.stage === 2) return expect(claim).toMatchObject({ code: vector.code });
    if (claim === undefined || claim instanceof Refusal) throw new Error('no claim');
    const uncovered = presignedScheme.uncovered(claim, fields)?.code;
    const ours = vector.stage === 4 && /^header_(?:missing|unsigned)$/.test(vector.code);
    const required = vector.name.startsWith('presigned-required-');
    if (!ours || required) {
      if (vector.code !== 'header_malformed') expect(uncovered).toBeUndefined();
    } else expect(uncovered).toBe(vector.code);
    if (vector.stringToSign !== undefined) expect(textOf(vector)).toBe(vector.stringToSign);
    if (vector.stage === 6) expect(codeOfStage6(vector)).toBe(vector.code);
  });

  function codeOfStage6(vector: (typeof vectors)[number]): string | undefined {
    const { claim, fields } = read(vector);
    if (claim === undefined || claim instanceof Refusal) return undefined;
    const validity = presignedScheme.validity(claim, fields, vector.conditions.skew);
    if (validity instanceof Refusal) return validity.code;
    const second = Math.floor(Date.parse(vector.conditions.now) / 1000);
    if (second > validity.until) return 'date_expired';
    if (second < validity.from) return 'date_in_future';
    return isNonce(presignedScheme.nonce(claim, fields) ?? '') ? undefined : 'nonce_malformed';
  }
});
