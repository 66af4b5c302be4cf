import { inspect } from 'node:util';
import { Secret } from '@countersign/core';
import { describe, expect, it } from 'vitest';

const TEXT = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const BYTES = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('Secret', () => {
  it('is one and the same from text and from bytes', () => {
    expect(Secret.from(BYTES).expose()).toBe(TEXT);
    expect(Secret.from(TEXT).sign('HMAC-512', 'x')).toBe(Secret.from(BYTES).sign('HMAC-512', 'x'));
  });

  it('keeps its own copy of the bytes', () => {
    const bytes = Uint8Array.from(BYTES);
    const secret = Secret.from(bytes);
    bytes.fill(0);
    expect(secret.expose()).toBe(TEXT);
  });

  it('shows itself to nobody', () => {
    const secret = Secret.from(TEXT);
    secret.sign('HMAC-256', 'x'); // so that the prepared key is there too
    const holder = { nested: { secret } };
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify(holder),
      inspect(holder, { depth: 10, showHidden: true }),
      inspect(secret, { customInspect: false, depth: 10, showHidden: true }),
      JSON.stringify(Object.getOwnPropertyDescriptors(secret)),
    ].join('\n');
    expect(shown).toContain('[secret]');
    for (const form of [TEXT.slice(4, 20), '000102030405', '0, 1, 2, 3, 4', '0,1,2,3,4']) {
      expect(shown).not.toContain(form);
    }
  });

  it.each([
    ['31 bytes', new Uint8Array(31), RangeError],
    ['no bytes', new Uint8Array(0), RangeError],
    ['an empty text', '', TypeError],
    ['a blank text', ' ', TypeError],
    ['text without the prefix', TEXT.slice(4), TypeError],
    ['padded base64url', `${TEXT}=`, TypeError],
    ['hex', `csk_${'00'.repeat(31)}+`, TypeError],
    ['a number', 7, TypeError],
    ['nothing', undefined, TypeError],
  ])('refuses %s without repeating it', (_name, value, type) => {
    expect(() => Secret.from(value as string)).toThrow(type);
    expect(() => Secret.from(value as string)).toThrow(/^secret: /);
    if (typeof value === 'string' && value.length > 3) {
      expect(() => Secret.from(value)).not.toThrow(value);
    }
  });
});
