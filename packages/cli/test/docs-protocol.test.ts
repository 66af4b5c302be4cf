import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSigner } from '@countersign/client';
import { publicCode, REFUSAL_CODES, type RefusalCode } from '@countersign/core';
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

function verifier() {
  const now = () => Date.parse(DATE);
  return createVerifier({
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
