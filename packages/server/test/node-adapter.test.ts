import { memoryNonceStore, type RefusalCode } from '@countersign/server';
import {
  type SignedRequestView,
  toHttp1,
  withAddedHeader,
  withAuthorization,
  withHeader,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { resigned } from './resigned.js';
import { expectProblem, type Rig, type RigOptions, startRig, testKeys } from './wire.js';

interface Honest {
  readonly method: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

const body = '{"sku":"A-1","qty":2}';
const json = { 'Content-Type': 'application/json' };

describe('an honest request', () => {
  it.each<[name: string, request: Honest, expected: string | undefined]>([
    ['GET', { method: 'GET', url: '/v1/orders/%7ealice?tag=b&limit=10&tag=a' }, ''],
    ['GET with a body', { method: 'GET', url: '/v1/orders', body }, body],
    ['POST', { method: 'POST', url: '/v1/orders', headers: json, body }, body],
    ['POST without a body', { method: 'POST', url: '/v1/orders' }, ''],
    ['PUT of all bytes', { method: 'PUT', url: '/', body: Buffer.alloc(70_000, 'x') }, undefined],
    [
      'PATCH, chunked',
      { method: 'PATCH', headers: { 'Transfer-Encoding': 'chunked' }, body },
      body,
    ],
    ['HMAC-256 in lower case', { method: 'GET', url: '/lower' }, ''],
  ])('is accepted: %s', async (name, request, expected) => {
    const rig = await startRig({
      handler: (_, response, { identity, target }) =>
        response.end(JSON.stringify({ identity, target })),
    });
    let view = rig.view(request);
    if (name === 'HMAC-256 in lower case') {
      const field = String(view.headers.at(-1));
      view = withHeader(view, 'authorization', field.replace('HMAC', 'hmac'));
    }
    const reply = await rig.send(view);
    expect(reply.status).toBe(200);
    expect(rig.accepted).toHaveLength(1);
    const caller = rig.accepted[0];
    expect(caller?.target).toBe(
      request.url === '/v1/orders/%7ealice?tag=b&limit=10&tag=a'
        ? '/v1/orders/~alice?limit=10&tag=b&tag=a'
        : (request.url ?? '/'),
    );
    expect(Buffer.from(caller?.body ?? []).toString()).toBe(expected ?? 'x'.repeat(70_000));
    expect(caller?.identity).toMatchObject({ credential: 'orders-service', algorithm: 'HMAC-256' });
    expect(caller?.identity.signedHeaders).toEqual(
      expect.arrayContaining(['date', 'host', 'x-nonce']),
    );
    expect(JSON.parse(reply.body)).toMatchObject({ target: caller?.target });
  });

  it('is refused when the same bytes come again, on this connection or another', async () => {
    const rig = await startRig();
    const bytes = toHttp1(rig.view({ method: 'POST', body }));
    const wire = await rig.open();
    expect((await wire.write(bytes).reply()).status).toBe(200);
    expectProblem(await wire.write(bytes).reply(), 'nonce_replayed');
    expectProblem(await rig.send(bytes), 'nonce_replayed');
    expect(rig.accepted).toHaveLength(1);
  });

  it('is accepted once of twenty times at once', async () => {
    const rig = await startRig();
    const bytes = toHttp1(rig.view({ method: 'POST', body }));
    const replies = await Promise.all(Array.from({ length: 20 }, () => rig.send(bytes)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(rig.accepted).toHaveLength(1);
  });
});

interface Fault {
  readonly code: RefusalCode;
  /** What outsiders are told, where it is another. */
  readonly told?: RefusalCode;
  /** Alters an honest request. */
  readonly spoil?: (view: SignedRequestView, rig: Rig) => SignedRequestView;
  /** Options of the verifier while it is broken. */
  readonly broken?: RigOptions;
  /** Whether the nonce is used up by then. */
  readonly claimed?: true;
}

const told = 'credential_rejected';
const throws = () => {
  throw new Error('out of order');
};
const again = (rig: Rig, more: object) => rig.view({ method: 'POST', body, ...more });
const FAULTS: readonly Fault[] = [
  {
    code: 'headers_too_many',
    spoil: (view) => {
      const more = Array.from({ length: 101 - view.headers.length / 2 }, (_, i) => [`x-${i}`, '']);
      return { ...view, headers: [...more.flat(), ...view.headers] };
    },
  },
  { code: 'header_duplicated', spoil: (view) => withAddedHeader(view, 'x-nonce', 'A'.repeat(16)) },
  { code: 'authorization_missing', spoil: (view) => withoutHeader(view, 'authorization') },
  {
    code: 'authorization_malformed',
    spoil: (view) => withHeader(view, 'authorization', 'HMAC-256 Credential=orders-service'),
  },
  {
    code: 'scheme_unsupported',
    spoil: (view) => withHeader(view, 'authorization', 'Bearer abc'),
  },
  {
    code: 'credential_unknown',
    told,
    spoil: (view) => withAuthorization(view, { credential: 'nobody' }),
  },
  {
    code: 'credential_inactive',
    told,
    spoil: (view) => withAuthorization(view, { credential: 'sleeping' }),
  },
  {
    code: 'algorithm_mismatch',
    told,
    spoil: (view, rig) => again(rig, { algorithm: 'HMAC-512', nonce: () => nonceOf(view) }),
  },
  { code: 'key_store_unavailable', broken: { keys: { find: throws } } },
  { code: 'header_unsigned', spoil: (view) => withAddedHeader(view, 'Content-Type', 'a/b') },
  { code: 'header_missing', spoil: (view) => withoutHeader(view, 'x-nonce') },
  { code: 'header_malformed', spoil: (view) => withHeader(view, 'date', 'W\xe9d') },
  { code: 'target_malformed', spoil: (view) => withTarget(view, '/a/../b') },
  { code: 'target_too_long', spoil: (view) => withTarget(view, `/${'a'.repeat(8_192)}`) },
  { code: 'host_malformed', spoil: (view) => withHeader(view, 'host', 'a/evil?') },
  { code: 'host_not_allowed', spoil: (view) => withHeader(view, 'host', 'other.example') },
  { code: 'digest_missing', spoil: (view) => withoutHeader(view, 'content-digest') },
  { code: 'signature_mismatch', told, spoil: (view) => withTarget(view, '/elsewhere') },
  {
    code: 'date_malformed',
    spoil: (view) => resigned(withHeader(view, 'date', 'Wed, 01 Jan 2020 12:00:60 GMT')),
  },
  {
    code: 'date_expired',
    spoil: (view, rig) =>
      again(rig, { now: () => Date.now() - 302_000, nonce: () => nonceOf(view) }),
  },
  {
    code: 'date_in_future',
    spoil: (view, rig) =>
      again(rig, { now: () => Date.now() + 302_000, nonce: () => nonceOf(view) }),
  },
  { code: 'nonce_malformed', spoil: (view) => resigned(withHeader(view, 'x-nonce', 'short')) },
  { code: 'address_not_allowed', broken: { authorize: () => 'address_not_allowed' } },
  { code: 'permission_denied', broken: { authorize: () => 'permission_denied' } },
  {
    code: 'digest_malformed',
    spoil: (view) => resigned(withHeader(view, 'content-digest', 'sha-256=:AAAA:')),
  },
  {
    code: 'digest_mismatch',
    spoil: (view) => ({ ...view, body: Buffer.from(body.replace('2', '3')) }),
  },
  { code: 'body_too_large', broken: { maxBodyBytes: body.length - 1 } },
  { code: 'nonce_store_unavailable', broken: { nonces: { skew: 300, claim: throws } } },
  { code: 'nonce_store_full', broken: { nonces: { skew: 300, claim: () => 'full' } } },
  { code: 'rate_limited', claimed: true, broken: { limitRate: () => ({ retryAfter: 7 }) } },
];
const nonceOf = (view: SignedRequestView) =>
  view.headers[view.headers.indexOf('X-Nonce') + 1] as string;

describe('a refused request never reaches the handler, and leaves its nonce unused before stage 9', () => {
  it.each(FAULTS)('$code', async ({ code, told = code, spoil, broken, claimed }) => {
    const nonces = memoryNonceStore({ start: 'fresh' });
    const rig = await startRig({ nonces });
    const ailing =
      broken === undefined ? rig : await startRig({ hosts: [rig.host], nonces, ...broken });
    const view = rig.view({ method: 'POST', body });
    const reply = await ailing.send(spoil === undefined ? view : spoil(view, rig));
    expectProblem(reply, told);
    expect(ailing.accepted).toHaveLength(0);
    expect(nonces.size).toBe(claimed ? 1 : 0);
    if (code === 'rate_limited') expect(reply.headers.get('retry-after')).toBe('7');
    const corrected = await rig.send(view);
    if (claimed) expectProblem(corrected, 'nonce_replayed');
    else expect(corrected.status).toBe(200);
    expect(rig.accepted).toHaveLength(claimed ? 0 : 1);
  });

  it('the four failures of a credential are answered byte for byte alike', async () => {
    const rig = await startRig();
    const answers = new Set<string>();
    for (const { told, spoil } of FAULTS) {
      if (told === undefined) continue;
      const view = rig.view({ method: 'POST', body });
      const { status, headers, body: text } = await rig.send(spoil?.(view, rig) ?? view);
      answers.add(JSON.stringify([status, [...headers].filter(([name]) => name !== 'date'), text]));
    }
    expect(FAULTS.filter((fault) => fault.told)).toHaveLength(4);
    expect(answers.size).toBe(1);
  });
});

it('a refusal by the store of nonces or of keys gives way once the store is back', async () => {
  let down = true;
  const find = (credential: string) => {
    if (down) throw new Error('down');
    return testKeys.find(credential);
  };
  const rig = await startRig({ keys: { find } });
  const bytes = toHttp1(rig.view());
  expectProblem(await rig.send(bytes), 'key_store_unavailable');
  down = false;
  expect((await rig.send(bytes)).status).toBe(200);
});

it('disclosure full tells the true code and the string to sign over the wire', async () => {
  const rig = await startRig({ disclosure: 'full', realm: 'orders' });
  const reply = await rig.send(withTarget(rig.view(), '/elsewhere'));
  const { code, stringToSign } = JSON.parse(reply.body);
  expect(code).toBe('signature_mismatch');
  expect(stringToSign).toMatch(/^HMAC-256\norders-service\nGET\n\/elsewhere\ndate: /);
  expect(reply.headers.get('www-authenticate')).toBe(
    'HMAC-256 realm="orders", error="signature_mismatch"',
  );
});
