import { createHmac } from 'node:crypto';
import {
  canonicalHost,
  canonicalTarget,
  checkContentDigest,
  parseAuthorization,
  parseImfDate,
  Refusal,
  Secret,
  trimOws,
} from '@countersign/core';
import { describe, expect, it } from 'vitest';
import * as nodeMac from '../src/mac.js';
import * as portableMac from '../src/mac-portable.js';
import { units } from './vector-files.js';

const outcome = <T>(value: T | Refusal) =>
  value instanceof Refusal ? { code: value.code } : { value };

describe('targets.json', () => {
  it.each(units<{ input: string; canonical?: string; code?: string }>('targets.json'))(
    '$name',
    ({ input, canonical, code }) => {
      expect(outcome(canonicalTarget(input))).toEqual(
        code === undefined ? { value: canonical } : { code },
      );
    },
  );
});

describe('hosts.json', () => {
  it.each(units<{ input: string; canonical?: string; code?: string }>('hosts.json'))(
    '$name',
    ({ input, canonical, code }) => {
      expect(outcome(canonicalHost(input))).toEqual(
        code === undefined ? { value: canonical } : { code },
      );
    },
  );
});

describe('dates.json', () => {
  it.each(units<{ input: string; unix?: number }>('dates.json'))('$name', ({ input, unix }) => {
    expect(parseImfDate(input)).toBe(unix);
  });
});

describe('authorization.json', () => {
  interface Unit {
    value: string;
    scheme?: string;
    credential?: string;
    signedHeaders?: string[];
    signature?: string;
    code?: string;
  }
  it.each(units<Unit>('authorization.json'))('$name', (unit) => {
    const { value, scheme: algorithm, credential, signedHeaders, signature, code } = unit;
    expect(outcome(parseAuthorization(trimOws(value)))).toEqual(
      code === undefined
        ? { value: { algorithm, credential, signedHeaders, signature } }
        : { code },
    );
  });
});

describe('digests.json', () => {
  interface Unit {
    value: string;
    body?: string;
    bodyBase64?: string;
    result?: 'ok';
    code?: string;
  }
  it.each(units<Unit>('digests.json'))('$name', ({ value, body, bodyBase64, result, code }) => {
    const bytes =
      bodyBase64 === undefined ? Buffer.from(body ?? '') : Buffer.from(bodyBase64, 'base64');
    expect(checkContentDigest(value, bytes)?.code ?? 'ok').toBe(code ?? result);
  });
});

describe('secrets.json', () => {
  it.each(units<{ text: string; hex?: string }>('secrets.json'))('$name', ({ text, hex }) => {
    if (hex === undefined) {
      expect(() => Secret.from(text)).toThrow(/^secret: /);
    } else {
      const expected = createHmac('sha256', Buffer.from(hex, 'hex')).update('text');
      expect(Secret.from(text).sign('HMAC-256', 'text')).toBe(expected.digest('base64'));
      expect(Secret.from(text).expose()).toBe(text);
    }
  });
});

describe.each([
  ['node:crypto', nodeMac],
  ['portable', portableMac],
] as const)('macs.json with the %s MAC', (_name, { importKey, macMatches }) => {
  interface Unit {
    algorithm: 'HMAC-256' | 'HMAC-512';
    keyHex: string;
    dataHex: string;
    tagHex: string;
    result: 'valid' | 'invalid';
  }
  // The texts that are signed are ASCII, so the data of a unit must be text for it to reach the MAC through our functions.
  const ascii = units<Unit>('macs.json').filter(({ dataHex }) =>
    /^(?:[0-7][0-9a-f])*$/.test(dataHex),
  );

  it('has units to run', () => {
    expect(ascii.length).toBeGreaterThan(100);
  });

  it.each(ascii)('$name', ({ algorithm, keyHex, dataHex, tagHex, result }) => {
    const key = importKey(algorithm, Buffer.from(keyHex, 'hex'));
    const tag = Buffer.from(tagHex, 'hex').toString('base64');
    const matches = macMatches(key as never, Buffer.from(dataHex, 'hex').toString('latin1'), tag);
    expect(matches).toBe(result === 'valid');
  });
});
