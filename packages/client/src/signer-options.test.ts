import { inspect } from 'node:util';
import { Secret } from '@countersign/core';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createSigner } from './signer.js';
import type { SignerOptions } from './signer-options.js';

const BAD: readonly (readonly [option: string, value: unknown, error: typeof Error])[] = [
  ['credential', undefined, TypeError],
  ['credential', null, TypeError],
  ['credential', '', TypeError],
  ['credential', 7, TypeError],
  ['credential', ['orders-service'], TypeError],
  ['credential', 'orders service', TypeError],
  ['credential', 'orders-service\n', TypeError],
  ['credential', 'a,SignedHeaders=host', TypeError],
  ['credential', 'é', TypeError],
  ['credential', 'a'.repeat(129), TypeError],
  ['secret', undefined, TypeError],
  ['secret', null, TypeError],
  ['secret', '', TypeError],
  ['secret', 7, TypeError],
  ['secret', {}, TypeError],
  ['secret', TEST_KEY.secret.slice(4), TypeError],
  ['secret', TEST_KEY.secret.replace('csk_', 'CSK_'), TypeError],
  ['secret', ` ${TEST_KEY.secret}`, TypeError],
  ['secret', `${TEST_KEY.secret}\n`, TypeError],
  ['secret', `${TEST_KEY.secret}=`, TypeError],
  ['secret', `${TEST_KEY.secret.slice(0, -1)}9`, TypeError],
  ['secret', 'csk_', RangeError],
  ['secret', 'csk_AAAA', RangeError],
  ['secret', new Uint8Array(0), RangeError],
  ['secret', new Uint8Array(31), RangeError],
  ['secret', new ArrayBuffer(32), TypeError],
  ['secret', new Uint16Array(32), TypeError],
  ['algorithm', null, TypeError],
  ['algorithm', '', TypeError],
  ['algorithm', 'hmac-256', TypeError],
  ['algorithm', 'HMAC-1', TypeError],
  ['algorithm', 'sha256', TypeError],
  ['algorithm', 'constructor', TypeError],
  ['signedHeaders', null, TypeError],
  ['signedHeaders', 'x-tenant', TypeError],
  ['signedHeaders', new Set(['x-tenant']), TypeError],
  ['signedHeaders', [7], TypeError],
  ['signedHeaders', [''], TypeError],
  ['signedHeaders', ['x tenant'], TypeError],
  ['signedHeaders', ['x-tenant', 'x:y'], TypeError],
  ['signedHeaders', ['Authorization'], TypeError],
  ['signedHeaders', ['connection'], TypeError],
  ['signedHeaders', ['Transfer-Encoding'], TypeError],
  ['signedHeaders', ['te'], TypeError],
  ['dateHeader', null, TypeError],
  ['dateHeader', 'Date', TypeError],
  ['dateHeader', 'x-nonce', TypeError],
  ['now', 0, TypeError],
  ['now', new Date(), TypeError],
  ['nonce', 'AAAAAAAAAAAAAAAAAAAAAA', TypeError],
  ['nonce', {}, TypeError],
  ['Secret', TEST_KEY.secret, TypeError],
  ['algorythm', 'HMAC-256', TypeError],
  ['skew', 300, TypeError],
];

function refusalOf(options: unknown): Error {
  try {
    createSigner(options as SignerOptions);
  } catch (error) {
    return error as Error;
  }
  throw new Error('the options were taken');
}

describe('options of a signer', () => {
  it.each(BAD)('%s: %o is refused', (option, value, error) => {
    const refusal = refusalOf({ ...TEST_KEY, [option]: value });
    expect(refusal).toBeInstanceOf(error);
    expect(refusal.message).toMatch(new RegExp(`^${option}(\\[\\d+\\])?: `));
  });

  it.each([[undefined], [null], ['csk_'], [7]])('%o instead of options is refused', (options) => {
    expect(refusalOf(options)).toBeInstanceOf(TypeError);
    expect(refusalOf(options).message).toMatch(/^options: /);
  });

  it('says which of the signed headers it is', () => {
    const { message } = refusalOf({ ...TEST_KEY, signedHeaders: ['x-tenant', 'x y'] });
    expect(message).toMatch(/^signedHeaders\[1\]: /);
  });

  it('takes a secret as text, as bytes and as a Secret, alike', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
    const [text, raw, secret] = [TEST_KEY.secret, bytes, Secret.from(bytes)].map((secret) =>
      createSigner({
        ...TEST_KEY,
        secret,
        now: () => 0,
        nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA',
      }).sign({ url: 'https://api.example.com/' }),
    );
    expect(raw).toEqual(text);
    expect(secret).toEqual(text);
  });

  it('keeps a copy of the bytes of the secret', () => {
    const secret = new Uint8Array(32).fill(1);
    const fixed = { now: () => 0, nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA' };
    const signer = createSigner({ ...TEST_KEY, ...fixed, secret });
    const before = signer.sign({ url: 'https://api.example.com/' });
    secret.fill(2);
    expect(signer.sign({ url: 'https://api.example.com/' })).toEqual(before);
  });
});

describe('the secret', () => {
  const text = TEST_KEY.secret.slice('csk_'.length);
  const hidden = [text, Buffer.from(text, 'base64url').toString('hex'), text.slice(0, 20)];

  it('is in no message, even where it was given in the wrong place', () => {
    const misplaced = [
      { credential: `${TEST_KEY.secret} ` },
      { secret: text },
      { secret: `${TEST_KEY.secret}=` },
      { secret: { text: TEST_KEY.secret } },
      { algorithm: TEST_KEY.secret },
      { dateHeader: TEST_KEY.secret },
      { signedHeaders: [`${TEST_KEY.secret} `] },
      { nonce: TEST_KEY.secret },
    ];
    for (const change of misplaced) {
      const { message, stack } = refusalOf({ ...TEST_KEY, credential: 'a b', ...change });
      for (const part of hidden) expect(`${message} ${stack}`).not.toContain(part);
    }
  });

  it('is not to be seen in a signer, nor in what it throws', () => {
    const signer = createSigner(TEST_KEY);
    const error = (() => {
      try {
        return signer.sign({ url: 'nowhere' });
      } catch (thrown) {
        return thrown as Error;
      }
    })();
    const shown = [
      JSON.stringify(signer),
      inspect(signer, { depth: 20, showHidden: true, getters: true }),
      String(signer),
      inspect(error, { depth: 20, showHidden: true }),
      inspect(signer.explain({ url: 'https://api.example.com/' }), { depth: 20, showHidden: true }),
    ];
    for (const part of hidden) expect(shown.join('\n')).not.toContain(part);
    expect(JSON.parse(shown[0] as string)).toEqual({ credential: 'orders-service' });
  });

  it('stays what it was: a signer is frozen', () => {
    const signer = createSigner(TEST_KEY);
    expect(Object.isFrozen(signer)).toBe(true);
    expect(() => Object.assign(signer, { credential: 'x' })).toThrow(TypeError);
  });
});
