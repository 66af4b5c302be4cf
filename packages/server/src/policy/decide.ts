import type { CompiledCaller, CompiledDenial, CompiledRule, PolicyRule } from './compile.js';
import { type Condition, unmetCondition } from './conditions.js';
import { matchesPattern } from './path-pattern.js';
import { loosePath } from './path-readings.js';

/** What a policy looks at, all of it verified or seen by the server itself. */
export interface PolicyQuestion {
  readonly credential: string;
  /** Group of the key's record, if it has one. */
  readonly group?: string | undefined;
  /** As sent, case kept. */
  readonly method: string;
  /** Canonical path, with or without a query. */
  readonly target: string;
  /** Address of the caller. One that is not known is refused where there is a rule on addresses. */
  readonly address?: string | undefined;
  /** Whether the caller came over HTTPS. What is not known is not taken for it. */
  readonly secure?: boolean | undefined;
  /** What the method-override fields of the request say, if there are any. */
  readonly methodOverrides?: readonly string[] | undefined;
}

/** Why a policy refuses. */
export interface PolicyRefusal {
  readonly allowed: false;
  readonly code: Condition['code'];
  /** One sentence, which the caller may see. */
  readonly detail: string;
  /** What refuses: no route, a route that denies, or a setting of the route. */
  readonly by: 'no route' | 'deny' | Condition['setting'];
  /** Where the route that decided stands in the definition; `undefined` if there is none. */
  readonly rule: string | undefined;
}

/** What a policy answers. */
export type PolicyDecision = PolicyRule | PolicyRefusal;

export function decide(
  caller: CompiledCaller,
  question: PolicyQuestion,
): CompiledRule | PolicyRefusal {
  const { method } = question;
  const path = pathOf(question.target);
  const denial = denialFor(caller, method, path);
  if (denial !== undefined) {
    return refuse('deny', 'A rule refuses this method or path to the caller.', denial.rule);
  }
  const rule = ruleFor(caller, method, path);
  if (rule === undefined) {
    return refuse('no route', 'No rule allows this method and path to the caller.', undefined);
  }
  const unmet = unmetCondition(rule, path, question);
  return unmet === undefined ? rule : refuse(unmet.setting, unmet.detail, rule.rule, unmet.code);
}

export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}

/** The first route that denies. */
export function denialFor(
  { denials }: CompiledCaller,
  method: string,
  path: string,
): CompiledDenial | undefined {
  if (denials.length === 0) return undefined;
  const loose = loosePath(path);
  for (let i = 0; i < denials.length; i++) {
    const denial = denials[i] as CompiledDenial;
    if (hasMethod(denial, method) && isDenied(denial, path, loose)) return denial;
  }
  return undefined;
}

/** The first route that allows. */
export function ruleFor(
  { rules }: CompiledCaller,
  method: string,
  path: string,
): CompiledRule | undefined {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as CompiledRule;
    if (hasMethod(rule, method) && matchesPattern(rule.route, path)) return rule;
  }
  return undefined;
}

export function hasMethod({ methods }: CompiledDenial | CompiledRule, method: string): boolean {
  return methods === undefined || methods.has(method);
}

export function isDenied(denial: CompiledDenial, path: string, loose: string): boolean {
  return matchesPattern(denial.route, path) || matchesPattern(denial.loose, loose);
}

function refuse(
  by: PolicyRefusal['by'],
  detail: string,
  rule: string | undefined,
  code: PolicyRefusal['code'] = 'permission_denied',
): PolicyRefusal {
  return { allowed: false, code, detail, by, rule };
}
