import { type SignedRequestView, toHttp1, withHeader, withoutHeader } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { resigned } from './resigned.js';
import { expectProblem, type Reply, type Rig, startRig } from './wire.js';

const body = '{"sku":"A-1","qty":2}';

/** The same request with `count` more fields: in front, behind, or just after Host, without which Node answers by itself. */
function padded(view: SignedRequestView, count: number, where: 'front' | 'after Host' | 'back') {
  const more = Array.from({ length: count }, (_, i) => [`x-${i}`, 'v']).flat();
  const at = { front: 0, 'after Host': 2, back: view.headers.length }[where];
  return { ...view, headers: [...view.headers.slice(0, at), ...more, ...view.headers.slice(at)] };
}

const fieldsOf = (view: SignedRequestView) => view.headers.length / 2;

describe('duplicates of what may occur once', () => {
  const SINGLE = [
    ['Authorization', 'HMAC-256 x'],
    ['Host', 'api.example.com'],
    ['Date', 'Wed, 01 Jan 2020 12:00:30 GMT'],
    ['X-Nonce', 'A'.repeat(22)],
    ['Content-Digest', 'sha-256=:AAAA:'],
    ['Content-Type', 'text/plain'],
    ['Content-Encoding', 'gzip'],
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-HTTP-Method', 'DELETE'],
    ['X-Method-Override', 'DELETE'],
  ] as const;
  const headers = Object.fromEntries(
    SINGLE.filter(([name]) => /^(?:Content-[TE]|X-.*Method)/.test(name)),
  );

  it.each(
    SINGLE.flatMap(([name, value]) => [
      ['behind', name, value] as const,
      ['in front', name, value] as const,
    ]),
  )('a second one %s: %s', async (where, name, value) => {
    const rig = await startRig();
    const view = rig.view({ method: 'POST', headers, body });
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      const pair = [spelling, value];
      const doubled = where === 'behind' ? [...view.headers, ...pair] : [...pair, ...view.headers];
      expectProblem(await rig.send({ ...view, headers: doubled }), 'header_duplicated');
    }
    expect(rig.accepted).toHaveLength(0);
    expect((await rig.send(view)).status).toBe(200);
  });

  it('X-Date twice, with and without a Date beside it', async () => {
    const rig = await startRig();
    const view = rig.view({ dateHeader: 'x-date' });
    const date = view.headers[view.headers.indexOf('X-Date') + 1] as string;
    expectProblem(
      await rig.send({ ...view, headers: [...view.headers, 'x-date', date] }),
      'header_duplicated',
    );
    const beside = { ...view, headers: ['Date', 'unsigned', ...view.headers] };
    expect((await rig.send(beside)).status).toBe(200);
  });

  it('Transfer-Encoding and Content-Length', async () => {
    const rig = await startRig();
    const view = rig.view({ method: 'POST', body, headers: { 'Transfer-Encoding': 'chunked' } });
    const twice = { ...view, headers: ['Transfer-Encoding', 'chunked', ...view.headers] };
    expect((await rig.send(twice)).status).toBe(400);
    const sized = rig.view({ method: 'POST', body });
    const length = ['Content-Length', String(body.length)];
    expect((await rig.send({ ...sized, headers: [...length, ...sized.headers] })).status).toBe(400);
    expect(rig.accepted).toHaveLength(0);
  });

  it('a field that is signed though it need not be, and one that is not', async () => {
    const rig = await startRig();
    const signed = rig.view({ headers: { 'X-Tenant': 'a' }, signedHeaders: ['x-tenant'] });
    expectProblem(
      await rig.send({ ...signed, headers: [...signed.headers, 'X-Tenant', 'b'] }),
      'header_duplicated',
    );
    const unsigned = rig.view();
    const forwarded = [...unsigned.headers, 'X-Forwarded-For', '1', 'X-Forwarded-For', '2'];
    expect((await rig.send({ ...unsigned, headers: forwarded })).status).toBe(200);
  });
});

describe('many fields', () => {
  it('takes 100 and refuses 101', async () => {
    const rig = await startRig();
    const view = rig.view();
    const room = 100 - fieldsOf(view);
    expectProblem(await rig.send(padded(view, room + 1, 'front')), 'headers_too_many');
    expectProblem(await rig.send(padded(view, room + 1, 'back')), 'headers_too_many');
    expect((await rig.send(padded(view, room, 'back'))).status).toBe(200);
  });

  it.each(['front', 'after Host', 'back'] as const)(
    'refuses 1,500, of which Node drops some: %s',
    async (where) => {
      const rig = await startRig({ server: { maxHeaderSize: 1 << 20, requireHostHeader: false } });
      const view = rig.view({ method: 'POST', body });
      expectProblem(await rig.send(padded(view, 1_500, where)), 'headers_too_many');
      expect(rig.accepted).toHaveLength(0);
      expect((await rig.send(view)).status).toBe(200);
    },
  );

  // Whatever the server is set to, a request of which it may have dropped fields is never accepted.
  it.each([1, 8, 31, 32, 33, 40, 63, 64, 65, 99])('server.maxHeadersCount = %i', async (most) => {
    const rig = await startRig({ server: { requireHostHeader: false } });
    rig.server.maxHeadersCount = most;
    const own = fieldsOf(rig.view());
    for (let total = Math.max(own, most - 2); total <= most + 70; total++) {
      for (const where of ['front', 'after Host', 'back'] as const) {
        const before = rig.accepted.length;
        const reply = await rig.send(padded(rig.view(), total - own, where));
        if (total < most && total <= 100) expect([total, reply.status]).toEqual([total, 200]);
        else {
          expect([total, rig.accepted.length]).toEqual([total, before]);
          expectProblem(reply, 'headers_too_many');
        }
      }
    }
  });

  it.each([0, null])('server.maxHeadersCount = %s means no limit of its own', async (none) => {
    const rig = await startRig({ server: { maxHeaderSize: 1 << 20 } });
    rig.server.maxHeadersCount = none;
    expect((await rig.send(rig.view())).status).toBe(200);
    expectProblem(await rig.send(padded(rig.view(), 1_500, 'after Host')), 'headers_too_many');
  });
});

describe('values', () => {
  const changed = (rig: Rig, name: string, value: string) =>
    withHeader(rig.view({ method: 'POST', body }), name, value);

  it.each([
    ['date', 'header_malformed'],
    ['x-nonce', 'header_malformed'],
    ['content-digest', 'header_malformed'],
    ['host', 'header_malformed'],
    ['authorization', 'authorization_malformed'],
  ] as const)('8-bit bytes in %s', async (name, code) => {
    const rig = await startRig();
    for (const value of ['\xe9', 'a\xa0', '\xff'.repeat(20)]) {
      expectProblem(await rig.send(changed(rig, name, value)), code);
    }
    expect(rig.accepted).toHaveLength(0);
  });

  it('8-bit bytes in a field that is not signed do no harm', async () => {
    const rig = await startRig();
    expect((await rig.send(changed(rig, 'User-Agent', 'caf\xe9 \xff'))).status).toBe(200);
  });

  it.each([
    ['a/evil?', 'host_malformed'],
    ['user@api.example.com', 'host_malformed'],
    ['a,b', 'host_malformed'],
    ['', 'host_malformed'],
    ['api.example.com:123456', 'host_malformed'],
    ['other.example', 'host_not_allowed'],
    ['localhost', 'host_not_allowed'],
  ] as const)('Host: %s', async (host, code) => {
    const rig = await startRig();
    expectProblem(await rig.send(changed(rig, 'host', host)), code);
  });

  it('a missing Host, where the server lets it through', async () => {
    const rig = await startRig({ server: { requireHostHeader: false } });
    const view = rig.view();
    expectProblem(await rig.send(withoutHeader(view, 'host')), 'header_missing');
    expect((await rig.send(view)).status).toBe(200);
    const strict = await startRig();
    expect((await strict.send(withoutHeader(strict.view(), 'host'))).status).toBe(400);
    expect(strict.accepted).toHaveLength(0);
  });

  it.each([',', ';', '=', ' ', 'HMAC-256 Credential=a,'])(
    '100,000 times "%s" in Authorization is refused at once',
    async (unit) => {
      const rig = await startRig({ server: { maxHeaderSize: 4 << 20 } });
      const value = `HMAC-256 Credential=${unit.repeat(100_000)}`;
      /** The least of three times that an answer takes, in milliseconds. */
      const least = async (view: SignedRequestView, check: (reply: Reply) => void) => {
        const times: number[] = [];
        for (let i = 0; i < 3; i++) {
          const wire = await rig.open();
          const bytes = toHttp1(view);
          const start = performance.now();
          check(await wire.write(bytes).reply());
          times.push(performance.now() - start);
        }
        return Math.min(...times);
      };
      // As many bytes that nobody looks at: two megabytes have to be sent and parsed first.
      const other = await least(withHeader(rig.view(), 'x-other', value), () => {});
      const refused = await least(withHeader(rig.view(), 'authorization', value), (reply) =>
        expectProblem(reply, 'authorization_malformed'),
      );
      expect(refused).toBeLessThan(2 * other + 30);
    },
  );

  it('names that objects inherit are names like any other', async () => {
    const rig = await startRig();
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
      expect((await rig.send(changed(rig, name, 'x'))).status).toBe(200);
      const view = rig.view();
      expectProblem(
        await rig.send(resigned(view, ['date', 'host', 'x-nonce', name.toLowerCase()])),
        'header_missing',
      );
    }
  });
});

it('above its limit Node hides fields, or in later versions refuses by itself: Authorization is never seen', async () => {
  const rig = await startRig({ server: { maxHeaderSize: 1 << 20 } });
  const seen: (string | undefined)[] = [];
  rig.server.prependListener('request', ({ headers }) => seen.push(headers.authorization));
  expectProblem(await rig.send(padded(rig.view(), 1_500, 'after Host')), 'headers_too_many');
  expect(seen.filter((field) => field !== undefined)).toEqual([]);
  await rig.send(rig.view());
  expect(seen.at(-1)).toMatch(/^HMAC-256 /);
});
