import { inspect } from 'node:util';
import { keyEncryption, newKeyEncryptionKey } from '@countersign/server/keys/redis';
import { expect, it } from 'vitest';

const OLD = newKeyEncryptionKey();
const NEW = newKeyEncryptionKey();
const encryption = keyEncryption({ current: 'old', keys: { old: OLD } });
const sealed = encryption.seal('a secret', 'orders');

function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

it('opens what it has sealed, every time in another form', () => {
  expect(sealed).toMatch(/^ckv1\.old\.[A-Za-z0-9_-]+$/);
  expect(encryption.open(sealed, 'orders')).toBe('a secret');
  expect(encryption.seal('a secret', 'orders')).not.toBe(sealed);
  for (const text of ['', 'é\u{1F511}', 'x'.repeat(100_000)]) {
    expect(encryption.open(encryption.seal(text, ''), '')).toBe(text);
  }
});

it('opens for nothing else than it was sealed for', () => {
  for (const bound of ['', 'order', 'orders ', 'Orders', 'orders\n']) {
    expect(thrown(() => encryption.open(sealed, bound))).toMatch(/^it was changed/);
  }
});

it('opens nothing that was changed, be it in one bit', () => {
  const body = sealed.slice('ckv1.old.'.length);
  const bytes = Buffer.from(body, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    const text = `ckv1.old.${changed.toString('base64url')}`;
    expect(thrown(() => encryption.open(text, 'orders'))).toMatch(/^it was changed/);
  }
  for (let length = 0; length < bytes.length; length++) {
    const text = `ckv1.old.${bytes.subarray(0, length).toString('base64url')}`;
    expect(thrown(() => encryption.open(text, 'orders'))).toMatch(/^(it was|what is sealed)/);
  }
});

it.each([
  '',
  ' ',
  'ckv1',
  'ckv1.old.',
  'ckv1..AAAA',
  sealed.replace('ckv1', 'ckv2'),
  sealed.replace('ckv1', 'CKV1'),
  `${sealed}=`,
  `${sealed}\n`,
  ` ${sealed}`,
  `${sealed}.`,
  'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
])('another form is refused: %j', (text) => {
  const message = thrown(() => encryption.open(text, 'orders'));
  expect(message).toBe('what is sealed has another form');
});

it('a key that is unknown is named, and one with the id of another opens nothing', () => {
  const other = keyEncryption({ current: 'new', keys: { new: NEW } });
  expect(thrown(() => other.open(sealed, 'orders'))).toMatch(/the key "old", which is unknown/);
  const wrong = keyEncryption({ current: 'old', keys: { old: NEW } });
  expect(thrown(() => wrong.open(sealed, 'orders'))).toMatch(/^it was changed/);
  // The id is part of what is sealed, even where two ids name one key.
  const twice = keyEncryption({ current: 'old', keys: { old: OLD, alias: OLD } });
  const renamed = sealed.replace('.old.', '.alias.');
  expect(thrown(() => twice.open(renamed, 'orders'))).toMatch(/^it was changed/);
});

it('is rotated: the current key seals, the others still open', () => {
  const both = keyEncryption({ current: 'new', keys: { old: OLD, new: NEW } });
  expect(both.open(sealed, 'orders')).toBe('a secret');
  const resealed = both.seal('a secret', 'orders');
  expect(resealed).toMatch(/^ckv1\.new\./);
  const rotated = keyEncryption({ current: 'new', keys: { new: NEW } });
  expect(rotated.open(resealed, 'orders')).toBe('a secret');
});

it.each<[string, object]>([
  ['options', null as never],
  ['curent', { curent: 'a' }],
  ['current', { current: undefined }],
  ['current', { current: null }],
  ['current', { current: '' }],
  ['current', { current: OLD }],
  ['current', { current: 'toString' }],
  ['current', { current: '__proto__' }],
  ['keys', { keys: undefined }],
  ['keys', { keys: null }],
  ['keys', { keys: OLD }],
  ['keys', { keys: [OLD] }],
  ['keys', { keys: { '': OLD } }],
  ['keys', { keys: { 'a.b': OLD } }],
  ['keys', { keys: { [OLD]: 'a' } }],
  ['keys', { keys: { [OLD.slice(0, 30)]: 'a' } }],
  ['keys', { keys: { [`${'x'.repeat(33)}`]: OLD } }],
  ['keys.a', { keys: { a: undefined } }],
  ['keys.a', { keys: { a: null } }],
  ['keys.a', { keys: { a: '' } }],
  ['keys.a', { keys: { a: 'ckek_' } }],
  ['keys.a', { keys: { a: OLD.slice(5) } }],
  ['keys.a', { keys: { a: OLD.slice(0, -1) } }],
  ['keys.a', { keys: { a: `${OLD}A` } }],
  ['keys.a', { keys: { a: `${OLD} ` } }],
  ['keys.a', { keys: { a: OLD.replace('ckek_', 'csk_') } }],
  // The last character of 43 has two bits that must be zero.
  ['keys.a', { keys: { a: `ckek_${'A'.repeat(42)}B` } }],
  ['keys.a', { keys: { a: Buffer.alloc(32) } }],
])('a bad option is refused by name, and no key repeated: %s', (option, options) => {
  const all = options === null ? options : { current: 'a', keys: { a: NEW }, ...options };
  const message = thrown(() => keyEncryption(all as never));
  expect(message.slice(0, option.length + 2)).toBe(`${option}: `);
  expect(message).not.toContain(OLD.slice(5, 20));
});

it('shows no key', () => {
  const shown = `${inspect(encryption, { depth: 9, showHidden: true })} ${JSON.stringify(encryption)}`;
  expect(shown).not.toContain(OLD.slice(5));
  expect(newKeyEncryptionKey()).toMatch(/^ckek_[A-Za-z0-9_-]{43}$/);
});
