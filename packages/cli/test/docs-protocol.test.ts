import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSigner } from '@countersign/client';
import {
  checkResponse,
  HeaderFields,
  publicCode,
  REFUSAL_CODES,
  type RefusalCode,
  Secret,
} from '@countersign/core';
import { createVerifier, memoryNonceStore, Refusal, staticKeys } from '@countersign/server';
import { describe, expect, it } from 'vitest';
import { ROOT } from './docs-blocks.js';
import { CREDENTIAL, DATE, SECRET } from './helpers.js';

const markdown = readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8');
const BODY = '{"sku":"A-1","qty":2}';
const CODES = Object.keys(REFUSAL_CODES) as RefusalCode[];

/** The indented block that begins with this text. */
function example(begin: string): string {
  const blocks = markdown.match(/(?:^ {4}.*\n|^\n(?= {4}))+/gm) ?? [];
  const texts = blocks.map((block) => block.replace(/^ {4}/gm, '').replace(/^\n/, ''));
  const found = texts.filter((text) => text.startsWith(begin));
  expect(found).toHaveLength(1);
  return found[0] as string;
}

function requestOf(text: string) {
  const [line = '', ...lines] = text.trimEnd().split('\n');
  const [method = '', target = ''] = line.split(' ');
  const headers = lines.flatMap((each) => {
    const colon = each.indexOf(': ');
    return [each.slice(0, colon), each.slice(colon + 2)];
  });
  const value = (name: string) => headers[headers.indexOf(name) + 1] as string;
  return { method, target, headers, value };
}

function verifier(options: { readonly presigned?: boolean } = {}) {
  const now = () => Date.parse(DATE);
  return createVerifier({
    ...options,
    keys: staticKeys([{ credential: CREDENTIAL, secrets: [{ secret: SECRET }] }]),
    nonces: memoryNonceStore({ start: 'fresh', now }),
    hosts: ['api.example.com'],
    now,
  });
}

const EXAMPLES = [
  { begin: 'POST /v1/orders/%7e', string: 'HMAC-256\norders-service\nPOST\n', body: BODY },
  { begin: 'GET / HTTP/1.1', string: 'HMAC-256\norders-service\nGET\n', body: '' },
];

describe.each(EXAMPLES)('the example $begin', ({ begin, string, body }) => {
  const { method, target, headers, value } = requestOf(example(begin));
  const text = example(string);

  it('has the MAC of its string to sign, by node:crypto alone', () => {
    const key = Buffer.from(SECRET.slice(4), 'base64url');
    const signature = createHmac('sha256', key).update(text).digest('base64');
    expect(value('Authorization').split(',Signature=')[1]).toBe(signature);
    if (body === '') return;
    const digest = createHash('sha256').update(body).digest('base64');
    expect(value('Content-Digest')).toBe(`sha-256=:${digest}:`);
  });

  it('is what the signer makes', () => {
    const signer = createSigner({
      credential: CREDENTIAL,
      secret: SECRET,
      now: () => Date.parse(DATE),
      nonce: () => value('X-Nonce'),
    });
    const explained = signer.explain({
      method,
      url: `https://${value('Host')}${target}`,
      headers: body === '' ? {} : { 'Content-Type': value('Content-Type') },
      body: body === '' ? null : body,
    });
    expect(explained.stringToSign).toBe(text);
    expect(explained.headers.Authorization).toBe(value('Authorization'));
  });

  it('is accepted, once', async () => {
    const view = { method, target, headers, body: Buffer.from(body) };
    const service = verifier();
    expect(await service.verify(view)).toMatchObject({
      verdict: 'accepted',
      target: text.split('\n')[3],
    });
    expect(await service.verify(view)).toMatchObject({ code: 'nonce_replayed' });
  });
});

/** By node:crypto alone. */
function macOf(text: string): Buffer {
  return createHmac('sha256', Buffer.from(SECRET.slice(4), 'base64url'))
    .update(text)
    .digest();
}

describe('the example of a response', () => {
  const text = example('HMAC-256-RESPONSE\n');
  const { headers, value } = requestOf(example('HTTP/1.1 201 Created'));
  const body = Buffer.from('{"id":7}');

  it('has the MAC of its string to sign, by node:crypto alone', () => {
    const request = requestOf(example('POST /v1/orders/%7e')).value('Authorization');
    expect(text.split('\n')[2]).toBe(request.split(',Signature=')[1]);
    expect(value('Authentication-Info').split(',Signature=')[1]).toBe(
      macOf(text).toString('base64'),
    );
    const digest = createHash('sha256').update(body).digest('base64');
    expect(value('Content-Digest')).toBe(`sha-256=:${digest}:`);
    expect(value('Content-Length')).toBe(String(body.length));
  });

  it('is believed as the answer to the POST, and to nothing else', () => {
    const secret = Secret.from(SECRET);
    const asked = { algorithm: 'HMAC-256', credential: CREDENTIAL, secret } as const;
    const response = { status: 201, fields: new HeaderFields(headers), body };
    const signature = text.split('\n')[2] as string;
    expect(checkResponse(response, { ...asked, signature })).toBeUndefined();
    const other = checkResponse(response, { ...asked, signature: `A${signature.slice(1)}` });
    expect(other?.reason).toBe('signature_mismatch');
  });
});

describe('the example of a presigned URL', () => {
  const text = example('HMAC-256-URL\n');
  const { method, target, headers } = requestOf(example('GET /v1/invoices/'));

  it('has the MAC of its string to sign, by node:crypto alone', () => {
    expect(target.split('&X-Hmac-Signature=')[1]).toBe(macOf(text).toString('base64url'));
    const pieces = target.split(/[?&]/).filter((piece) => !piece.startsWith('X-Hmac-Signature='));
    expect(text.split('\n')[3]?.split(/[?&]/).sort()).toEqual(pieces.sort());
  });

  it('is accepted where presigned URLs are, again and again', async () => {
    const service = verifier({ presigned: true });
    for (const each of [method, 'HEAD', method]) {
      const verdict = await service.verify({ method: each, target, headers });
      expect(verdict).toMatchObject({ verdict: 'accepted', identity: { credential: CREDENTIAL } });
    }
    const verdict = await verifier().verify({ method, target, headers });
    expect(verdict).toMatchObject({ code: 'authorization_missing' });
  });
});

it('names each fault of a response that the vectors have', () => {
  const rows = [...markdown.matchAll(/^\| [^|]+ \| ((?:`[a-z_]+`(?:, )?)+) \|$/gm)];
  const named = new Set(rows.flatMap(([, codes = '']) => codesIn(codes)));
  const path = join(ROOT, 'test-vectors/responses.json');
  const { refused } = JSON.parse(readFileSync(path, 'utf8'));
  const found = new Set(refused.map((vector: { refused: string }) => vector.refused));
  expect([...named].sort()).toEqual([...found].sort());
});

it('shows the answer to a bad signature', async () => {
  const { method, target, headers } = requestOf(
    example('GET / HTTP/1.1').replace('Signature=f', 'Signature=g'),
  );
  const service = verifier();
  const verdict = await service.verify({ method, target, headers });
  expect(verdict).toBeInstanceOf(Refusal);
  const answer = service.answer(verdict as Refusal);
  const fields = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\n`);
  expect(`HTTP/1.1 401 Unauthorized\n${fields.join('')}\n${answer.body}`).toBe(
    example('HTTP/1.1 401 '),
  );
});

it('names in each stage the codes of that stage', () => {
  const rows = [...markdown.matchAll(/^\| ([0-9]+) \| [^|]* \| ([^|]*)\|$/gm)];
  const named = new Map(rows.map(([, stage, codes = '']) => [Number(stage), codesIn(codes)]));
  // What a later stage may find too.
  const again: Record<number, RefusalCode[]> = {
    4: ['header_duplicated'],
    8: ['digest_missing'],
    9: ['date_expired'],
  };
  for (let stage = 1; stage <= 11; stage++) {
    const own = CODES.filter((code) => REFUSAL_CODES[code].stage === stage);
    const expected = [
      ...own.filter((code) => code !== 'credential_rejected'),
      ...(again[stage] ?? []),
    ];
    expect({ stage, codes: named.get(stage)?.sort() }).toEqual({ stage, codes: expected.sort() });
  }
});

it('names the status of each code', () => {
  const paragraph =
    /^401 for every failure of authentication, except: ([\s\S]*?)\n\n/m.exec(markdown)?.[1] ?? '';
  const exceptions = paragraph.split(';').flatMap((part) => {
    const status = Number(/[0-9]{3}/.exec(part)?.[0]);
    return codesIn(part).map((code) => [code, status] as const);
  });
  const expected = CODES.filter((code) => REFUSAL_CODES[code].status !== 401);
  expect(Object.fromEntries(exceptions)).toEqual(
    Object.fromEntries(expected.map((code) => [code, REFUSAL_CODES[code].status])),
  );
});

it('names the codes that outsiders cannot tell apart', () => {
  const section = /\n### No oracle\n([\s\S]*?)\n### /.exec(markdown)?.[1] ?? '';
  const alike = CODES.filter((code) => code !== publicCode(code));
  expect(alike).toHaveLength(4);
  expect(codesIn(section)).toEqual(expect.arrayContaining([...alike, 'credential_rejected']));
});

function codesIn(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, code]) => code as string);
}
