import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  canonicalTarget,
  HeaderFields,
  presignedScheme,
  Refusal,
  type UnverifiedClaim,
} from '@countersign/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

// The reference in test-vectors/ was written from the protocol text alone, in another language.
const directory = fileURLToPath(new URL('../../../test-vectors/', import.meta.url));
const python = (...args: string[]) => promisify(execFile)('python3', args, { cwd: directory });

/** What the reference answers to each question, in order. */
async function ask(questions: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
  const reference = spawn('python3', ['recompute.py', '--oracle'], { cwd: directory });
  const answers: Record<string, unknown>[] = [];
  const read = (async () => {
    for await (const line of createInterface({ input: reference.stdout })) {
      answers.push(JSON.parse(line));
    }
  })();
  const ended = once(reference, 'exit');
  reference.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  await Promise.all([read, ended]);
  expect(answers).toHaveLength(questions.length);
  return answers;
}

describe('the reference implementation', () => {
  it('recomputes every vector, and openssl every accepted MAC', async () => {
    const { stdout } = await python('recompute.py', '--openssl');
    expect(stdout).toMatch(/^[0-9]{4,} passed, 0 failed$/m);
  }, 120_000); // openssl is started for each of them

  it('would write the committed files again', async () => {
    await expect(python('generate.py', '--check')).resolves.toMatchObject({ stderr: '' });
  });

  it('agrees with us on random targets', async () => {
    const unit = fc.constantFrom(
      ...[
        '/',
        '//',
        '.',
        '..',
        ';',
        '%',
        '%2',
        '%2e',
        '%2F',
        '%5c',
        '%3b',
        '%00',
        '%0a',
        '%7F',
        '%25',
      ],
      ...[
        '?',
        '&',
        '=',
        '+',
        'a',
        'B',
        '_',
        '~',
        '%41',
        '%c3',
        '#',
        '\\',
        ' ',
        'é',
        '"',
        '{',
        '%zz',
      ],
    );
    const targets = fc.sample(
      fc.array(unit, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
      { numRuns: 20_000, seed: 20200101 },
    );
    const answers = await ask(targets.map((target) => ({ target })));
    const disagreements = targets.flatMap((target, i) => {
      const theirs = answers[i];
      const result = canonicalTarget(target);
      const ours = result instanceof Refusal ? { code: result.code } : { canonical: result };
      return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [{ target, ours, theirs }];
    });
    expect(disagreements).toEqual([]);
  });

  it('agrees with us on what is a presigned URL, and on the text it should be signed over', async () => {
    const name = fc.constantFrom(
      ...['Credential', 'Date', 'Expires', 'Signature', 'Nonce', 'D%61te', '%44ate', 'date', 'Dat'],
    );
    const value = fc.constantFrom(
      ...['', '=', '1', '604800', '604801', '01', '20200101T120030Z', '%31', 'orders-service'],
      ...['A'.repeat(16), 'A'.repeat(43), 'A'.repeat(86), `${'A'.repeat(42)}B`, 'é', ' '],
    );
    const prefix = fc.constantFrom('X-Hmac-', 'X%2dHmac-', 'x-hmac-', 'X-Hmac', 'X%2-Hmac-');
    const usual = fc.tuple(
      fc.constantFrom('orders-service', 'nobody'),
      fc.constantFrom(`${'A'.repeat(43)}`, 'A'.repeat(86)),
    );
    // A whole one, sometimes a piece less, among others that may or may not be its parameters.
    const pieces = usual.chain(([credential, signature]) => {
      const whole = [
        ...[`X-Hmac-Credential=${credential}`, 'X-Hmac-Date=20200101T120030Z'],
        ...['X-Hmac-Expires=3600', `X-Hmac-Signature=${signature}`],
      ];
      const odd = fc
        .tuple(prefix, name, fc.constantFrom('=', ''), value)
        .map((all) => all.join(''));
      const others = fc.array(fc.oneof(fc.constantFrom('a=1', 'b', '', 'Y=%7e'), odd), {
        maxLength: 2,
      });
      const some = fc.oneof(fc.constant(whole), fc.subarray(whole));
      return fc.tuple(some, others).chain(([part, more]) => {
        const all = [...part, ...more];
        return fc.shuffledSubarray(all, { minLength: all.length });
      });
    });
    const request = fc.record({
      method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST'),
      target: pieces.map((all) => `/a?${all.join('&')}`),
      headers: fc.constant([['Host', 'api.example.com']]),
    });
    const requests = fc.sample(request, { numRuns: 10_000, seed: 20200101 });
    const verifier = { presigned: true };
    const answers = await ask(requests.map((each) => ({ request: each, verifier })));
    const kinds = new Map<string, number>();
    const disagreements = requests.flatMap((each, i) => {
      const { code, stringToSign } = answers[i] as { code: string; stringToSign: string | null };
      const { kind, text } = ourReading(each);
      const theirs = /^authorization_m/.test(code) ? code : 'claim';
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      return kind === theirs && text === stringToSign ? [] : [{ ...each, kind, code, text }];
    });
    expect(disagreements).toEqual([]);
    expect([...kinds.keys()].sort()).toEqual([
      ...['authorization_malformed', 'authorization_missing', 'claim'],
    ]);
    expect(Math.min(...kinds.values())).toBeGreaterThan(200);
  });
});

function ourReading({ method, target, headers }: OracleRequest) {
  const fields = new HeaderFields(headers.flat());
  const claim = presignedScheme.parse({ method, target, fields });
  if (claim === undefined) return { kind: 'authorization_missing', text: null };
  if (claim instanceof Refusal) return { kind: claim.code, text: null };
  return { kind: 'claim', text: textOf(claim, { method, target, fields }) };
}

interface OracleRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly string[])[];
}

function textOf(
  claim: UnverifiedClaim,
  request: { method: string; target: string; fields: HeaderFields },
): string | null {
  const target = canonicalTarget(request.target);
  if (target instanceof Refusal) return null;
  const canonical = { ...request, canonicalTarget: target, host: 'api.example.com' };
  return presignedScheme.stringToSign(claim, canonical);
}
