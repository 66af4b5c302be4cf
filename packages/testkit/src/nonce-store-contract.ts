import type { ContractCheck } from './contract-check.js';
import { capacityChecks, roomAgainChecks } from './nonce-store/capacity.js';
import { brokenBackendChecks, claimChecks, reopenChecks } from './nonce-store/claims.js';
import type { NonceStoreContractOptions, NonceStorePart } from './nonce-store/setup.js';
import { clockChecks, forgettingChecks, startChecks } from './nonce-store/time.js';

const PARTS: readonly string[] = ['clock', 'forgetting', 'start', 'capacity'];

/**
 * Everything a nonce store must do, as named checks for any test runner. Each makes stores of its own and can run alone.
 *
 * @param options - how to make an empty store, and the parts it cannot be held to
 * @returns checks whose `run` rejects with what is wrong
 * @throws TypeError that names the option
 * @example
 * const contract = nonceStoreContract({
 *   create: ({ skew, clock, capacity, start }) => myStore({ skew, capacity, start, now: clock.now }),
 * });
 * for (const { name, run } of contract) it(name, run);
 */
export function nonceStoreContract(options: NonceStoreContractOptions): readonly ContractCheck[] {
  if (typeof options?.create !== 'function') throw new TypeError('create: expected a function');
  const left = options.without ?? [];
  for (const part of left) {
    if (!PARTS.includes(part)) {
      throw new TypeError(`without: "${part}" is not a part; those are ${PARTS.join(', ')}`);
    }
  }
  const has = (part: NonceStorePart) => !left.includes(part);
  const clock = has('clock');
  return [
    ...claimChecks(options),
    ...(clock ? clockChecks(options) : []),
    ...(clock && has('forgetting') ? forgettingChecks(options) : []),
    ...(clock && has('start') ? startChecks(options) : []),
    ...(has('capacity') ? capacityChecks(options) : []),
    ...(clock && has('forgetting') && has('capacity') ? roomAgainChecks(options) : []),
    ...(options.reopen === undefined ? [] : reopenChecks(options)),
    ...(options.breakBackend === undefined ? [] : brokenBackendChecks(options)),
  ];
}
