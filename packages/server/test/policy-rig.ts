import { staticKeys } from '@countersign/server';
import { createPolicy, type PolicyDefinition } from '@countersign/server/policy';
import { type SignedRequestOptions, TEST_KEY_ENTRY } from '@countersign/testkit';
import { expect } from 'vitest';
import type { Rig, RigOptions } from './wire.js';

/** The usual key, in a group, and the same with another credential, in none. */
export const keys = staticKeys([
  { ...TEST_KEY_ENTRY, group: 'partners' },
  { ...TEST_KEY_ENTRY, credential: 'other' },
]);

/** Rules of a server where every caller may do everything, but for these settings. */
export function everything(settings: PolicyDefinition = {}): RigOptions {
  return { keys, policy: createPolicy({ ...settings, routes: ['* /**'] }) };
}

/** 200, or the code of the refusal, of which the handler must not have heard. */
export async function outcome(
  rig: Rig,
  options: SignedRequestOptions = {},
): Promise<number | string> {
  const handled = rig.accepted.length;
  const { status, body } = await rig.send(rig.view({ url: '/v1/orders', ...options }));
  expect(rig.accepted.length - handled).toBe(status === 200 ? 1 : 0);
  return status === 200 ? 200 : JSON.parse(body).code;
}
