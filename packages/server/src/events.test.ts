import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  headerOf,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  withTarget,
} from '@countersign/testkit';
import { expect, it } from 'vitest';
import type { VerificationEvent } from './events.js';
import { staticKeys } from './keys/static-keys.js';
import { memoryNonceStore } from './nonces/memory.js';
import { createVerifier } from './verifier.js';

const make = (onEvent?: (event: VerificationEvent) => void) =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
    onEvent,
  });
const request = () =>
  signedRequest({ url: 'https://api.example.com/v1/orders?token=t0ken', now: Date.now });

it('tell the verdict, the stages and nothing secret', async () => {
  const events: VerificationEvent[] = [];
  const verifier = make((event) => events.push(event));
  const view = request();
  await verifier.verify(view);
  await verifier.verify(view);
  await verifier.verify(withTarget(view, '/v1/invoices'));
  const short = events.map(({ type, code, stage, path, credential }) => {
    return [type, code, stage, path, credential];
  });
  expect(short).toEqual([
    ['accepted', undefined, undefined, '/v1/orders', TEST_KEY.credential],
    ['refused', 'nonce_replayed', 9, '/v1/orders', TEST_KEY.credential],
    ['refused', 'signature_mismatch', 5, '/v1/invoices', TEST_KEY.credential],
  ]);
  expect(events.map(({ durations }) => Object.keys(durations).at(-1))).toEqual([
    'rate',
    'nonce',
    'signature',
  ]);
  const told = JSON.stringify(events);
  const signature = /Signature=(.+)/.exec(headerOf(view, 'authorization') ?? '')?.[1] ?? '';
  for (const hidden of [signature, headerOf(view, 'x-nonce'), TEST_KEY.secret, 't0ken']) {
    expect(hidden).toMatch(/./);
    expect(told).not.toContain(hidden);
  }
});

it('come by node:diagnostics_channel too', async () => {
  const told: unknown[] = [];
  const listen = (event: unknown) => told.push((event as VerificationEvent).type);
  subscribe('countersign:accepted', listen);
  await make().verify(request());
  unsubscribe('countersign:accepted', listen);
  await make().verify(request());
  expect(told).toEqual(['accepted']);
});

it('change nothing, whatever the hook throws or rejects with', async () => {
  const full = new Error('the log is full');
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  const throwing = make(() => {
    throw full;
  });
  const rejecting = make(async () => {
    throw full;
  });
  expect((await throwing.verify(request())).verdict).toBe('accepted');
  expect((await rejecting.verify(request())).verdict).toBe('accepted');
  await new Promise(setImmediate);
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});
