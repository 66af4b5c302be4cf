import { canonicalTarget, type RefusalCode, TOKEN } from '@countersign/core';
import type { Path } from './checks.js';
import type { CompiledCaller, CompiledDenial, CompiledRule } from './compile.js';
import { CONDITIONS, type Condition } from './conditions.js';
import { denialFor, hasMethod, isDenied, type PolicyQuestion, pathOf, ruleFor } from './decide.js';
import { explainInWords } from './explain-in-words.js';
import { matchesPattern } from './path-pattern.js';
import { loosePath } from './path-readings.js';
import { SETTING_NAMES, type SettingName } from './settings.js';

/** A request to explain. What is left out, but for the group, is not asked about: the answer says what it depends on. */
export interface PolicyCase extends PolicyQuestion {
  /** As it is sent, or canonical. */
  readonly target: string;
  /** Lower-case names of the header fields that the caller signs. */
  readonly signedHeaders?: readonly string[] | undefined;
  /** Size of the body in bytes. */
  readonly bodyBytes?: number | undefined;
}

/** One route that was looked at. */
export interface ConsideredRoute {
  readonly rule: Path;
  /** Where it stands in an application, if it does. */
  readonly via: Path | undefined;
  readonly pattern: string;
  readonly outcome: 'denies' | 'allows' | 'other path' | 'other method';
}

/** One setting that holds on the route. */
export interface ConsideredSetting {
  readonly setting: SettingName | Condition['setting'];
  /** Where it is said in the definition, empty for its top; `undefined` for what holds unless said otherwise. */
  readonly from: Path | undefined;
  /** JSON text of what is said. */
  readonly value: string | undefined;
  /** Whether the request meets it; `undefined` where that was not asked, or turns out later. */
  readonly met: boolean | undefined;
}

/** Which rule decides on a request, and why. */
export interface PolicyExplanation {
  /** False if it is refused, whatever was not asked about. */
  readonly allowed: boolean;
  readonly code: RefusalCode | undefined;
  /** The route that decides, where it stands in the definition; `undefined` where there is none. */
  readonly rule: Path | undefined;
  /** One sentence. */
  readonly reason: string;
  /** The groups of the caller that the policy knows, in the order in which their routes are looked at. */
  readonly groups: readonly string[];
  /** The routes that were looked at, up to the one that decides. */
  readonly considered: readonly ConsideredRoute[];
  readonly settings: readonly ConsideredSetting[];
  /** All of it in words, in a few lines. */
  readonly text: string;
}

type Findings = Omit<PolicyExplanation, 'text' | 'groups'>;

export function explain(
  caller: CompiledCaller,
  groups: readonly string[],
  asked: PolicyCase,
): PolicyExplanation {
  const found = findings(caller, asked);
  const explanation = { ...found, groups };
  return { ...explanation, text: explainInWords(asked, explanation) };
}

function findings(caller: CompiledCaller, asked: PolicyCase): Findings {
  const target = canonicalTarget(asked.target);
  const nothing = { rule: undefined, considered: [], settings: [] };
  if (!TOKEN.test(asked.method)) {
    const reason = 'The method is not a token.';
    return { ...nothing, allowed: false, code: 'target_malformed', reason };
  }
  if (typeof target !== 'string') {
    return { ...nothing, allowed: false, code: target.code, reason: target.detail };
  }
  const path = pathOf(target);
  const denial = denialFor(caller, asked.method, path);
  const rule = denial === undefined ? ruleFor(caller, asked.method, path) : undefined;
  const considered = consider(caller, asked.method, path, denial ?? rule);
  const refused = { allowed: false, code: 'permission_denied', considered } as const;
  if (denial !== undefined) {
    const reason = `${nameOf(denial)} denies it, and nothing overrides that.`;
    return { ...refused, rule: denial.rule, reason, settings: [] };
  }
  if (rule === undefined) {
    const reason = 'No route allows it, and what is not allowed is refused.';
    return { ...refused, rule: undefined, reason, settings: [] };
  }
  return judge(rule, path, asked, considered);
}

function judge(
  rule: CompiledRule,
  path: string,
  asked: PolicyCase,
  considered: readonly ConsideredRoute[],
): Findings {
  const conditions = CONDITIONS.filter((each) => isSaid(rule, each, path, asked)).map(
    (condition): ConsideredSetting => ({
      setting: condition.setting,
      ...saidOf(rule, condition.setting),
      met: isAsked(condition, asked) ? condition.isMet(rule.settings, path, asked) : undefined,
    }),
  );
  const settings = [...conditions, ...laterSettings(rule, asked)];
  const unmet = settings.find(({ met }) => met === false);
  const base = { rule: rule.rule, considered, settings };
  if (unmet === undefined) {
    return { ...base, allowed: true, code: undefined, reason: `${nameOf(rule)} allows it.` };
  }
  const where = unmet.from === undefined ? '' : ` of ${unmet.from || 'the top of the policy'}`;
  const reason = `${nameOf(rule)} allows it, but ${unmet.setting}${where} is not met.`;
  return { ...base, allowed: false, code: codeOf(unmet.setting), reason };
}

/** Those that the stages after the policy look at. */
function laterSettings(rule: CompiledRule, asked: PolicyCase): readonly ConsideredSetting[] {
  const { signedHeaders, bodyBytes } = asked;
  const { requiredHeaders, maxBodyBytes } = rule;
  const met: Partial<Record<SettingName, boolean | undefined>> = {
    requiredHeaders: signedHeaders && requiredHeaders.every((name) => signedHeaders.includes(name)),
    maxBodyBytes: bodyBytes === undefined ? undefined : bodyBytes <= (maxBodyBytes ?? bodyBytes),
  };
  return SETTING_NAMES.filter((setting) => rule.sources.has(setting))
    .filter((setting) => !CONDITIONS.some((each) => each.setting === setting))
    .map((setting) => ({ setting, ...saidOf(rule, setting), met: met[setting] }));
}

function isSaid(rule: CompiledRule, condition: Condition, path: string, asked: PolicyCase) {
  const said = rule.sources.has(condition.setting as SettingName);
  return said || (isAsked(condition, asked) && !condition.isMet(rule.settings, path, asked));
}

function isAsked({ setting }: Condition, { address, secure }: PolicyCase): boolean {
  if (setting === 'https') return secure !== undefined;
  return address !== undefined || !/Addresses$/.test(setting);
}

function saidOf(rule: CompiledRule, setting: ConsideredSetting['setting']) {
  const name = setting as SettingName;
  return { from: rule.sources.get(name), value: JSON.stringify(rule.settings[name]) };
}

function codeOf(setting: ConsideredSetting['setting']): RefusalCode {
  if (setting === 'requiredHeaders') return 'header_unsigned';
  if (setting === 'maxBodyBytes') return 'body_too_large';
  return CONDITIONS.find((each) => each.setting === setting)?.code ?? 'permission_denied';
}

function consider(
  { denials, rules }: CompiledCaller,
  method: string,
  path: string,
  decisive: CompiledDenial | CompiledRule | undefined,
): readonly ConsideredRoute[] {
  const loose = loosePath(path);
  const all = [...denials, ...rules];
  const last = decisive === undefined ? all.length : all.indexOf(decisive) + 1;
  return all.slice(0, last).map((each): ConsideredRoute => {
    const denies = 'loose' in each;
    const meets = denies ? isDenied(each, path, loose) : matchesPattern(each.route, path);
    const decides = denies ? 'denies' : 'allows';
    const outcome = !meets ? 'other path' : hasMethod(each, method) ? decides : 'other method';
    return { rule: each.rule, via: each.via, pattern: each.route.text, outcome };
  });
}

function nameOf({ rule, via, route }: CompiledDenial | CompiledRule): string {
  return `${rule}${via === undefined ? '' : `, by ${via},`} (${route.text})`;
}
