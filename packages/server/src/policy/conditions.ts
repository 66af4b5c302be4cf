import { isIP } from 'node:net';
import type { RefusalCode } from '@countersign/core';
import type { CompiledRule } from './compile.js';
import type { PolicyQuestion } from './decide.js';
import { oddityIn } from './path-readings.js';
import type { CheckedSettings } from './settings.js';

/** A setting that is met or not by what is known at stage 7. */
export interface Condition {
  readonly setting: 'denyAddresses' | 'allowAddresses' | 'https' | 'allowInPath' | 'methodOverride';
  readonly code: Extract<RefusalCode, 'permission_denied' | 'address_not_allowed'>;
  /** One sentence for the caller. */
  readonly detail: string;
  isMet(settings: CheckedSettings, path: string, question: PolicyQuestion): boolean;
}

const NONE = [] as const;
const ADDRESS = 'A rule refuses the address of the caller.';

/** In the order in which they are looked at; the first that is not met decides. */
export const CONDITIONS: readonly Condition[] = [
  {
    setting: 'denyAddresses',
    code: 'address_not_allowed',
    detail: ADDRESS,
    isMet: ({ denyAddresses: list }, _, { address }) =>
      list === undefined || (isKnown(address) && !list.has(address)),
  },
  {
    setting: 'allowAddresses',
    code: 'address_not_allowed',
    detail: ADDRESS,
    isMet: ({ allowAddresses: list }, _, { address }) =>
      list === undefined || (isKnown(address) && list.has(address)),
  },
  {
    setting: 'https',
    code: 'permission_denied',
    detail: 'The rules allow this over HTTPS only.',
    isMet: ({ https }, _, { secure }) => https !== true || secure === true,
  },
  {
    setting: 'allowInPath',
    code: 'permission_denied',
    detail: 'The rules allow no "%2F", "%5C" or ";" in this path.',
    isMet: ({ allowInPath = NONE }, path) => oddityIn(path, allowInPath) === undefined,
  },
  {
    setting: 'methodOverride',
    code: 'permission_denied',
    detail: 'A method-override field names another method than the rules were asked about.',
    isMet: (_, __, { method, methodOverrides }) =>
      methodOverrides === undefined || methodOverrides.every((other) => other === method),
  },
];

/** The first that is not met. */
export function unmetCondition(
  { settings }: CompiledRule,
  path: string,
  question: PolicyQuestion,
): Condition | undefined {
  for (let i = 0; i < CONDITIONS.length; i++) {
    const condition = CONDITIONS[i] as Condition;
    if (!condition.isMet(settings, path, question)) return condition;
  }
  return undefined;
}

function isKnown(address: string | undefined): address is string {
  return address !== undefined && isIP(address) !== 0;
}
