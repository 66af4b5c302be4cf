import { readFileSync } from 'node:fs';
import { prepareChromium } from '@countersign/test-servers';
import { TEST_KEY } from '@countersign/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './browser/bundle.js';
import type { Calls, Findings, Report, Seen, Task, Vector } from './browser/findings.js';
import { type Service, startService } from './browser/service.js';
import { visit } from './browser/visit.js';

const DEADLINE = 60_000;
const BODY = '{"sku":"A-1","qty":2}';

interface SignedVector extends Vector {
  readonly name: string;
  readonly signature: string;
}

/** The vectors that are signed with a header, and the secret of each. */
const VECTORS: readonly SignedVector[] = (() => {
  const read = (name: string) =>
    JSON.parse(readFileSync(new URL(`../../../test-vectors/${name}`, import.meta.url), 'utf8'));
  const secrets = new Map<string, string>();
  for (const { credential, secrets: all } of read('keys.json').keys) {
    for (const { id = null, secret } of all) secrets.set(`${credential} ${id}`, secret);
  }
  return read('accepted.json').vectors.flatMap(
    (vector: SignedVector & { credential: string; secretId: string | null }) => {
      const { name, credential, secretId, stringToSign, signature } = vector;
      const [algorithm] = stringToSign.split('\n') as [Vector['algorithm']];
      const secret = secrets.get(`${credential} ${secretId}`);
      if (!/^HMAC-(256|512)$/.test(algorithm) || !secret?.startsWith('csk_')) return [];
      return [{ name, algorithm, secret, stringToSign, signature }];
    },
  );
})();

let own: Service;
let other: Service;
let found: Report;

beforeAll(async () => {
  await prepareChromium();
}, 600_000);

beforeAll(async () => {
  const { code } = await bundle({ file: 'page.ts' });
  const task = (): Task => ({
    ...TEST_KEY,
    origins: [own.origin, other.origin],
    vectors: VECTORS,
  });
  const { pages, report } = visit({
    '/': ['text/html', () => '<!doctype html><script type="module" src="/page.js"></script>'],
    '/page.js': ['text/javascript', () => code],
    '/task': ['application/json', () => JSON.stringify(task())],
  });
  [own, other] = await Promise.all([startService(pages), startService()]);
  found = (await report(own.origin, DEADLINE)) as Report;
}, DEADLINE + 30_000);

const base64 = (content: string) => Buffer.from(content).toString('base64');

it('the page and its worker report', () => {
  expect(found.failure).toBeUndefined();
  expect(found.page?.scope).toBe('Window');
  expect(found.worker?.scope).toBe('DedicatedWorkerGlobalScope');
});

describe.each(['page', 'worker'] as const)('in the %s', (where) => {
  it('computes what the vectors say', () => {
    const { authorization, signatures } = found[where] as Findings;
    expect(authorization).toMatch(/Signature=Wbnr4FycH4qrimxeaMV\+q91dne9JsVaTUxeE0\+M4E70=$/);
    expect(VECTORS.length).toBeGreaterThan(150);
    expect(VECTORS.map(({ name }, i) => [name, signatures[i]])).toEqual(
      VECTORS.map(({ name, signature }) => [name, signature]),
    );
  });

  describe.each(['own', 'other'] as const)('calling its %s origin', (which) => {
    const outcomes = (): Calls => (found[where] as Findings)[which];
    const accepted = (rest: object) => ({ status: 200, body: rest });
    const refused = (status: number, code: string) => ({ status, body: { code } });

    it('has a GET accepted', () => {
      const signedHeaders = ['host', 'x-date', 'x-nonce'];
      const target = '/v1/orders?cursor=a&limit=10';
      expect(outcomes().get).toEqual(
        accepted({ method: 'GET', target, body: '', contentType: null, signedHeaders }),
      );
    });

    it.each(['postJson', 'request'])('has a POST of JSON accepted (%s)', (name) => {
      const contentType = 'application/json';
      expect(outcomes()[name]).toMatchObject(
        accepted({ method: 'POST', body: base64(BODY), contentType }),
      );
    });

    it('has a form with a file accepted', () => {
      const { body } = outcomes().form as Seen;
      const sent = Buffer.from(body.body ?? '', 'base64').toString();
      const [, boundary] =
        /^multipart\/form-data; boundary=(.+)$/.exec(body.contentType ?? '') ?? [];
      expect(sent.startsWith(`--${boundary}\r\n`)).toBe(true);
      expect(sent).toContain('name="sku"\r\n\r\nA-1\r\n');
      expect(sent).toContain('filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x00\x01pixels');
      expect(body.signedHeaders).toContain('content-type');
    });

    it('has a Blob, parameters and a stream accepted', () => {
      const { blob, parameters, stream } = outcomes();
      const type = 'application/json';
      expect(blob).toMatchObject(
        accepted({ method: 'PUT', body: base64('{"from":"blob"}'), contentType: type }),
      );
      expect(parameters).toMatchObject(accepted({ body: base64('a=%C3%A9+b') }));
      expect(stream).toMatchObject(accepted({ body: base64('streamed'), contentType: null }));
    });

    it('has a request refused that was sent before', () => {
      expect(outcomes().replayed).toMatchObject(refused(401, 'nonce_replayed'));
    });

    it('gets a refusal as a plain response', () => {
      expect(outcomes().refused).toMatchObject(refused(401, 'credential_rejected'));
    });

    it('cannot send a Date, and is told so', () => {
      expect(outcomes().dateOfItsOwn).toMatchObject(refused(401, 'header_missing'));
    });

    it('corrects a clock that is an hour slow', () => {
      expect(outcomes().slowClock).toMatchObject(accepted({ method: 'GET' }));
    });

    it('opens a presigned URL, without anything else', () => {
      expect(outcomes().presigned).toMatchObject(accepted({ signedHeaders: ['host'] }));
    });

    it('believes signed responses, refusals among them', () => {
      const { signedGet, signedPost, signedRefusal } = outcomes();
      expect(signedGet).toMatchObject(accepted({ method: 'GET' }));
      expect(signedPost).toMatchObject(accepted({ body: base64(BODY) }));
      expect(signedRefusal).toMatchObject(refused(403, 'permission_denied'));
    });

    it('asks for a signed response again, though the browser could have stored it', () => {
      expect(outcomes().cachable).toMatchObject(accepted({ target: '/v1/cachable' }));
      expect(outcomes().cached).toMatchObject(accepted({ target: '/v1/cachable' }));
    });

    it('does not believe a response that is not signed', () => {
      expect(outcomes().unsigned).toMatchObject({ reason: 'info_missing' });
    });

    it('does not believe a signed response that the browser has unpacked', () => {
      expect(outcomes().zipped).toMatchObject(accepted({ target: '/v1/zipped' }));
      expect(outcomes().signedZipped).toMatchObject({ reason: 'digest_mismatch' });
    });

    it('does not see the signature of a stranger who does not expose it', () => {
      expect(outcomes().notExposed).toMatchObject(
        which === 'own' ? accepted({ method: 'GET' }) : { reason: 'info_missing' },
      );
    });

    it('says that redirects are hidden', () => {
      const hidden = { error: expect.stringMatching(/hides redirects/) };
      expect(outcomes().redirected).toEqual(hidden);
      expect(outcomes().signedRedirect).toEqual(hidden);
    });

    it('sends nothing to an origin that is not allowed', () => {
      expect(outcomes().elsewhere).toEqual({
        error: expect.stringMatching(/^TypeError: origins: http:\/\/127\.0\.0\.1:9 is not among/),
      });
    });
  });
});

it('the browser asked the stranger, and its own origin never', () => {
  expect([...other.asked].sort()).toEqual([
    ...['authorization', 'content-digest', 'content-type', 'x-date', 'x-nonce'],
  ]);
  expect([...own.asked]).toEqual([]);
});
