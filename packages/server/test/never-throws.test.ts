import { createSigner } from '@countersign/client';
import { isRefusalCode } from '@countersign/core';
import {
  createVerifier,
  memoryNonceStore,
  type RequestView,
  staticKeys,
} from '@countersign/server';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const credential = 'orders-service';
const secret = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const now = () => Date.UTC(2020, 0, 1, 12, 0, 30);
const RUNS = Number(process.env.COUNTERSIGN_FUZZ_RUNS ?? 100_000);

const verifier = createVerifier({
  keys: staticKeys([{ credential, secrets: [{ secret }] }]),
  nonces: memoryNonceStore({ start: 'fresh', now }),
  hosts: ['api.example.com'],
  now,
});

const NAMES = [
  ...['Authorization', 'Host', 'Date', 'X-Date', 'X-Nonce', 'Content-Digest', 'Content-Type'],
  ...['Content-Length', 'Transfer-Encoding', 'X-HTTP-Method-Override', '__proto__', 'constructor'],
];
const signer = createSigner({ credential, secret, now });
const body = '{"sku":"A-1","qty":2}';

/** An honest request, new each time. */
function honest(): { method: string; target: string; headers: string[]; body: Uint8Array } {
  const request = { method: 'POST', url: 'https://api.example.com/v1/orders?a=1', body };
  const signed = Object.entries(signer.sign(request)).flat();
  const headers = ['Host', 'api.example.com', 'Content-Length', String(body.length), ...signed];
  return { method: 'POST', target: '/v1/orders?a=1', headers, body: Buffer.from(body) };
}

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    '',
    ' ',
    ',',
    ';',
    '=',
    '%',
    ':::',
    '\n',
    '\0',
    'é',
    '/',
    'chunked',
    '9'.repeat(400),
  ),
  fc
    .tuple(fc.constantFrom(',', ';', '%', 'a', '/.', '=:'), fc.integer({ min: 1, max: 9000 }))
    .map(([unit, times]) => unit.repeat(times)),
);

// What a stranger can do to a request: anything at all, or one thing to an honest one.
const invented: fc.Arbitrary<() => RequestView> = fc
  .record({
    method: junk,
    target: junk,
    headers: fc.array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), junk), junk), { maxLength: 12 }),
    body: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
  })
  .map((view) => () => ({ ...view, headers: view.headers.flat() }));
const altered: fc.Arbitrary<() => RequestView> = fc
  .tuple(fc.nat(), fc.constantFrom('replace', 'drop', 'double', 'splice', 'target', 'method'), junk)
  .map(([at, what, text]) => () => {
    const view = honest();
    const i = (at % (view.headers.length / 2)) * 2;
    const value = view.headers[i + 1] as string;
    if (what === 'replace') view.headers[i + 1] = text;
    else if (what === 'drop') view.headers.splice(i, 2);
    else if (what === 'double') view.headers.push(view.headers[i] as string, value);
    else if (what === 'splice') {
      const cut = at % (value.length + 1);
      view.headers[i + 1] = value.slice(0, cut) + text + value.slice(cut + text.length);
    } else view[what] = text;
    return view;
  });

it(`answers ${RUNS} hostile requests with a verdict, and accepts none that was altered`, async () => {
  const codes = new Map<string, number>();
  let accepted = 0;
  const details = await fc.check(
    fc.asyncProperty(fc.oneof(invented, altered), async (make) => {
      const view = make();
      const verdict = await verifier.verify(view);
      if (verdict.verdict === 'accepted') {
        accepted++;
        // What was cut in may be what stood there, or white space around a value, or another spelling of one thing.
        expect(verdict.identity.credential).toBe(credential);
        expect(Buffer.from(verdict.body).toString()).toBe(body);
        expect(verdict.target).toBe('/v1/orders?a=1');
        return;
      }
      expect(isRefusalCode(verdict.code)).toBe(true);
      codes.set(verdict.code, (codes.get(verdict.code) ?? 0) + 1);
      JSON.parse(verifier.answer(verdict).body);
    }),
    { numRuns: RUNS },
  );
  console.info(
    `seed ${details.seed}, ${accepted} unharmed, ${JSON.stringify(Object.fromEntries(codes))}`,
  );
  if (details.failed) throw new Error(fc.defaultReportMessage(details) ?? 'failed');
  expect(codes.size).toBeGreaterThan(10);
}, 300_000);
