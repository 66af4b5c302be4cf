import type { ConsideredSetting, PolicyCase, PolicyExplanation } from './explain.js';

const OUTCOMES = {
  denies: 'denies',
  allows: 'allows',
  'other path': 'has another path',
  'other method': 'has other methods',
} as const;

/** The explanation in a few lines, for people. */
export function explainInWords(
  { method, target, credential }: PolicyCase,
  { allowed, code, reason, groups, considered, settings }: Omit<PolicyExplanation, 'text'>,
): string {
  const who = groups.length === 0 ? credential : `${credential} (${groups.join(', ')})`;
  return [
    `${allowed ? 'Allowed' : `Refused with ${code}`}: ${method} ${target} by ${who}`,
    reason,
    ...considered.map(({ rule, via, pattern, outcome }) => {
      const where = via === undefined ? rule : `${rule} (${via})`;
      return `- ${where} ${pattern}: ${OUTCOMES[outcome]}`;
    }),
    ...settings.map((each) => `- ${settingInWords(each)}`),
  ].join('\n');
}

function settingInWords({ setting, from, value, met }: ConsideredSetting): string {
  const where = from === undefined ? '' : ` of ${from || 'the top of the policy'}`;
  const what = value === undefined ? '' : `: ${value}`;
  const verdict = met === undefined ? 'must still hold' : met ? 'holds' : 'does not hold';
  return `${setting}${where} ${verdict}${what}`;
}
