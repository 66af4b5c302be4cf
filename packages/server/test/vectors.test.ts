import { readFileSync } from 'node:fs';
import { publicCode, type RefusalCode, Secret } from '@countersign/core';
import { createVerifier, keyFile, memoryNonceStore, type RequestView } from '@countersign/server';
import { describe, expect, it } from 'vitest';

interface Conditions {
  now: string;
  skew: number;
  hosts: string[];
  requiredHeaders: string[];
  maxBodyBytes: number;
  presigned: boolean;
}

interface Vector {
  name: string;
  request: {
    method: string;
    target: string;
    headers: [string, string][];
    body?: string;
    bodyBase64?: string;
  };
  verifier?: Partial<Conditions>;
  claimed?: [credential: string, nonce: string][];
}

interface AcceptedVector extends Vector {
  credential: string;
  secretId: string | null;
  signedHeaders: string[];
  canonicalTarget: string;
  stringToSign: string;
  signature: string;
}

interface RefusedVector extends Vector {
  code: RefusalCode;
  publicCode: RefusalCode;
  status: number;
  stringToSign?: string;
}

const directory = new URL('../../../test-vectors/', import.meta.url);
const load = <T>(file: string): { defaults: Conditions; vectors: T[] } =>
  JSON.parse(readFileSync(new URL(file, directory), 'utf8'));
const keysUrl = new URL('keys.json', directory);
const keys = keyFile(keysUrl.pathname);
const accepted = load<AcceptedVector>('accepted.json');
const refused = load<RefusedVector>('refused.json');

function view({ request }: Vector): RequestView {
  const { method, target, headers, body, bodyBase64 } = request;
  const bytes =
    bodyBase64 === undefined
      ? body === undefined
        ? undefined
        : Buffer.from(body)
      : Buffer.from(bodyBase64, 'base64');
  return { method, target, headers: headers.flat(), body: bytes };
}

async function run(vector: Vector, defaults: Conditions) {
  const { now, skew, hosts, requiredHeaders, maxBodyBytes, presigned } = {
    ...defaults,
    ...vector.verifier,
  };
  const clock = () => Date.parse(now);
  const nonces = memoryNonceStore({ start: 'fresh', skew, now: clock });
  for (const [credential, nonce] of vector.claimed ?? []) {
    expect(nonces.claim(credential, nonce, Math.floor(clock() / 1000) + skew)).toBe('fresh');
  }
  const before = nonces.size;
  const options = {
    keys,
    nonces,
    hosts,
    skew,
    requiredHeaders,
    maxBodyBytes,
    presigned,
    now: clock,
  };
  const verifier = createVerifier(options);
  const verdict = await verifier.verify(view(vector));
  return { verdict, verifier, claimed: nonces.size - before };
}

it('has at least 60 accepted and 150 refused requests, the refused being more', () => {
  expect(accepted.vectors.length).toBeGreaterThanOrEqual(60);
  expect(refused.vectors.length).toBeGreaterThanOrEqual(150);
  expect(refused.vectors.length).toBeGreaterThan(accepted.vectors.length);
});

describe('accepted.json', () => {
  it.each(accepted.vectors)('$name', async (vector) => {
    const { verdict, claimed } = await run(vector, accepted.defaults);
    if (verdict.verdict !== 'accepted') throw new Error(`${verdict.code}: ${verdict.detail}`);
    expect(verdict.target).toBe(vector.canonicalTarget);
    expect(verdict.identity.credential).toBe(vector.credential);
    expect(verdict.identity.secretId ?? null).toBe(vector.secretId);
    expect(verdict.identity.signedHeaders).toEqual(vector.signedHeaders);
    const usedOnce =
      !vector.stringToSign.includes('-URL\n') || /[?&]X-Hmac-Nonce=/.test(vector.request.target);
    expect(claimed).toBe(usedOnce ? 1 : 0);

    const record = await keys.find(vector.credential);
    const secret = record?.secrets.find(({ id }) => (id ?? null) === vector.secretId)?.secret;
    if (record === undefined || !(secret instanceof Secret)) throw new Error('no such secret');
    const signature = Buffer.from(vector.signature, 'base64url').toString('base64');
    expect(secret.sign(record.algorithm, vector.stringToSign)).toBe(signature);
  });
});

describe('refused.json', () => {
  it.each(refused.vectors)('$name: $code', async (vector) => {
    const { verdict, verifier, claimed } = await run(vector, refused.defaults);
    if (verdict.verdict !== 'refused') throw new Error('accepted');
    expect(verdict.code).toBe(vector.code);
    expect(verdict.status).toBe(vector.status);
    expect(publicCode(verdict.code)).toBe(vector.publicCode);
    if (verdict.stringToSign !== undefined) expect(verdict.stringToSign).toBe(vector.stringToSign);
    expect(claimed).toBe(0);

    const answer = verifier.answer(verdict);
    expect(answer.status).toBe(vector.status);
    expect(JSON.parse(answer.body).code).toBe(vector.publicCode);
  });
});
