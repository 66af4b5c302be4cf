import { describe, expect, it } from 'vitest';
import { checkConfig } from '../src/check-config.js';
import { ConfigError, parseConfig } from '../src/config/read-config.js';

const KEYS = 'hosts: [api.example.com]\nkeys: { environment: true }\n';
/** A configuration with key-encryption keys that have these ids. */
const withEncryption = (ids: readonly string[]) => `hosts: [a]
keys:
  redis: redis://127.0.0.1:6379
  encryption: { ${ids.map((id) => `"${id}": env:KEK`).join(', ')} }
forwardAuth: { listen: "127.0.0.1:0" }
`;
const faultOf = (text: string): string => {
  try {
    parseConfig(text, 'gateway.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'none';
};

describe('a fault is told with its line', () => {
  it.each([
    ['hosts: [a\n', 'gateway.yaml:'],
    ['', 'gateway.yaml: needs at least one of proxy, forwardAuth, egress'],
    ['a: 1', 'gateway.yaml:1:1: unknown name "a"'],
    [`${KEYS}proxy:\n  listen: 127.0.0.1:1\n`, 'gateway.yaml:3:1: proxy: needs "upstream"'],
    [
      `${KEYS}proxy:\n  listen: here\n  upstream: http://a\n`,
      'gateway.yaml:4:3: proxy.listen: must match pattern',
    ],
    [
      `${KEYS}proxy:\n  listen: a:1\n  upstream:\n    origins: [http://a]\n    timout: 3\n`,
      'gateway.yaml:7:5: proxy.upstream: unknown name "timout"',
    ],
    [`${KEYS}skew: 0\negress: []\n`, 'gateway.yaml:3:1: skew: must be >= 1'],
    [
      'hosts: [a]\nproxy: { listen: "a:1", upstream: http://a }\n',
      'gateway.yaml:2:1: proxy: needs keys',
    ],
    [`${KEYS}skew: 3\nskew: 4\n`, 'gateway.yaml:4:1: Map keys must be unique'],
    [
      withEncryption(['2027', '2026']),
      'gateway.yaml:4:3: keys.encryption: an id of a key-encryption key must be neither a number',
    ],
    [withEncryption(['a', '0']), 'gateway.yaml:4:3: keys.encryption: an id'],
  ])('%j', (text, fault) => {
    expect(faultOf(text)).toContain(fault);
  });
});

it('key-encryption keys keep their order, of which the first encrypts', () => {
  const ids = ['2027-01', '2026-11', '01', '1e3', '-1'];
  const { config } = parseConfig(withEncryption(ids), 'gateway.yaml');
  expect(Object.keys(config.keys?.encryption ?? {})).toEqual(ids);
});

describe('a key-encryption key in the wrong place is not repeated', () => {
  const kek = `ckek_${Buffer.alloc(32, 3).toString('base64url')}`;
  it.each([
    [withEncryption([kek]), 'gateway.yaml:4:3: keys.encryption: an id'],
    [
      `keys: { redis: a, encryption: { ${kek}: } }`,
      'gateway.yaml:1:33: keys.encryption.[secret]: ',
    ],
    [`${kek}: 1`, 'gateway.yaml:1:1: unknown name "[secret]"'],
    [withEncryption(['a']).replace('env:KEK', `env:${kek}`), '[secret] is not set'],
    [withEncryption(['a']).replace('env:KEK', `file:${kek}`), 'cannot read /etc/[secret] ('],
  ])('%j', async (text, fault) => {
    const check = async () => checkConfig(parseConfig(text, '/etc/gateway.yaml'), {});
    const error: Error = await check().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(fault);
    expect(`${error.stack}\n${JSON.stringify(error)}`).not.toContain(kek.slice(5));
  });
});

describe('what only shows when it is made', () => {
  const check = (text: string, env = {}) =>
    checkConfig(parseConfig(text, '/etc/gateway.yaml'), env).then(
      () => 'none',
      (error: Error) => error.message,
    );
  const EGRESS =
    'egress:\n- listen: 127.0.0.1:0\n  origin: https://api.example.com\n  credential: a\n';
  it.each([
    [
      `${EGRESS}  secret: env:NOT_SET\n`,
      '/etc/gateway.yaml:5:3: egress[0].secret: NOT_SET is not set in the environment',
    ],
    [`${EGRESS}  secret: hush\n`, '/etc/gateway.yaml:5:3: egress[0].secret: expected "csk_"'],
    [
      `${EGRESS.replace('127.0.0.1', '0.0.0.0')}  secret: env:S\n`,
      '/etc/gateway.yaml:2:3: egress[0].listen: 0.0.0.0:0 can be reached from other machines',
    ],
    [
      'hosts: [a]\nkeys: { file: none.json }\nforwardAuth: { listen: "127.0.0.1:0" }\n',
      '/etc/gateway.yaml:2:9: keys.file: cannot read /etc/none.json (ENOENT)',
    ],
    [
      'hosts: [a]\nkeys: { file: none.json }\npolicy:\n  groups:\n    a:\n      routes: ["GET v1"]\nforwardAuth: { listen: "127.0.0.1:0" }\n',
      '/etc/gateway.yaml:6:',
    ],
    [
      'hosts: [a]\nkeys: { file: none.json }\npolicy:\n  payload: {}\nforwardAuth: { listen: "127.0.0.1:0" }\n',
      '/etc/gateway.yaml:4:3: policy.payload: not with forwardAuth',
    ],
  ])('%j', async (text, fault) => {
    const secret = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
    expect(await check(text, { S: secret })).toContain(fault);
  });
});
