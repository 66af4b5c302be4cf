import { createRequire } from 'node:module';
import { createContext, runInContext, runInThisContext } from 'node:vm';
import { createSigner } from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { bundle, MOST } from './browser/bundle.js';

const PAGE = { text: "export { createSigner, signedFetch } from '@countersign/client';" };

// What browsers and workers have, and nothing of Node.
const PLATFORM = [
  ...['URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'Headers', 'Request', 'Response'],
  ...['ReadableStream', 'Blob', 'FormData', 'crypto', 'performance', 'fetch'],
] as const;

function withoutNode(code: string): Record<string, never> {
  const context = createContext(
    Object.fromEntries(PLATFORM.map((name) => [name, globalThis[name]])),
    { codeGeneration: { strings: false, wasm: false } },
  );
  expect(runInContext('typeof process + typeof Buffer + typeof require', context)).toBe(
    'undefined'.repeat(3),
  );
  runInContext(code, context);
  return context as Record<string, never>;
}

describe('createSigner and signedFetch, bundled for browsers', () => {
  it('are small, with the code that computes MACs and without', async () => {
    const withoutMac = (await bundle(PAGE, { withoutMac: true })).gzipped;
    const whole = (await bundle(PAGE)).gzipped;
    console.log(`bundle: ${withoutMac} bytes gzipped without the MAC, ${whole} with it`);
    expect(withoutMac).toBeLessThanOrEqual(MOST.withoutMac);
    expect(whole).toBeLessThanOrEqual(MOST.whole);
  });

  it('import nothing, of Node least of all', async () => {
    expect((await bundle(PAGE, { withoutMac: true })).imports).toEqual(['#mac', '#mac']);
    const { code, imports } = await bundle(PAGE);
    expect(imports).toEqual([]);
    expect(code).not.toMatch(/node:|\bimport\b|\brequire\b/);
  });

  it('leave the texts of the verifier behind', async () => {
    const { code } = await bundle(PAGE);
    expect(code).not.toContain('This nonce was used before');
    expect(code).not.toContain('The presigned URL is refused');
  });

  it('run where there is nothing of Node, and sign the same', async () => {
    const { code } = await bundle(PAGE, { script: true });
    const context = withoutNode(code);
    const signed = runInContext(
      `JSON.stringify(['HMAC-256', 'HMAC-512'].map((algorithm) => bundled.createSigner({
        credential: '${TEST_KEY.credential}', secret: '${TEST_KEY.secret}', algorithm,
        dateHeader: 'x-date', now: () => 1577880030000, nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA',
      }).sign({ method: 'POST', url: 'https://api.example.com/v1/orders?b=2&a=1', body: 'é€' })))`,
      context,
    );
    const here = (['HMAC-256', 'HMAC-512'] as const).map((algorithm) =>
      createSigner({
        ...{ ...TEST_KEY, algorithm, dateHeader: 'x-date' },
        ...{ now: () => 1_577_880_030_000, nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA' },
      }).sign({ method: 'POST', url: 'https://api.example.com/v1/orders?b=2&a=1', body: 'é€' }),
    );
    expect(JSON.parse(signed)).toEqual(here);
    const random = "typeof bundled.signedFetch(s, { origins: ['https://api.example.com'] })";
    const signer = `const s = bundled.createSigner({ credential: 'a', secret: new Uint8Array(32) });`;
    expect(
      runInContext(`${signer} s.sign({ url: 'https://a.example/' }); ${random}`, context),
    ).toBe('function');
  });
});

describe('a verifier that is bundled', () => {
  it('keeps the words of its refusals', async () => {
    const text = `
      import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
      const verifier = createVerifier({ keys: staticKeys([]), nonces: memoryNonceStore(), hosts: ['a.example'] });
      export async function refuse() {
        const refusal = await verifier.verify({ method: 'GET', target: '/', headers: ['Host', 'a.example'] });
        const { status, title, advice } = refusal;
        return { status, title, advice, answer: verifier.answer(refusal).status };
      }`;
    const { code } = await bundle({ text, from: 'server' }, { forNode: true });
    const module = { exports: { refuse: async (): Promise<unknown> => undefined } };
    runInThisContext(`(module, require) => { ${code} }`)(module, createRequire(import.meta.url));
    expect(await module.exports.refuse()).toEqual({
      status: 401,
      title: 'No Authorization field',
      advice: 'Sign the request: add the Authorization field of the HMAC-256 or HMAC-512 scheme.',
      answer: 401,
    });
  });
});
