import type { Path } from './checks.js';
import type { ParsedDefinition, ParsedRoute, ParsedRules, Place } from './parse-definition.js';
import type { PathPattern } from './path-pattern.js';
import { loosePattern } from './path-readings.js';
import {
  type CheckedSettings,
  type PayloadRules,
  type RateLimitRule,
  SETTING_NAMES,
  type SettingName,
} from './settings.js';

/** A route that allows, with all that holds for one caller on it. */
export interface PolicyRule {
  readonly allowed: true;
  /** Where it stands in the definition, such as `groups.partners.routes[2]`. */
  readonly rule: Path;
  /** The pattern of its path. */
  readonly pattern: string;
  /** Where it stands in an application, if it does. */
  readonly via: Path | undefined;
  /** The application it belongs to, if it does. */
  readonly application: string | undefined;
  /** How often; for `rateLimits` to count. */
  readonly rateLimits: readonly RateLimitRule[];
  /** What the body must be like; for whoever made the policy to check. */
  readonly payload: PayloadRules | undefined;
  /** Most bytes of the body, where that is said. */
  readonly maxBodyBytes: number | undefined;
  /** Seconds the date may be away from now, where that is said. */
  readonly skew: number | undefined;
  /** Lower-case names of the header fields that must be signed. */
  readonly requiredHeaders: readonly string[];
  readonly signedResponses: boolean;
}

/** The same with what only the policy looks at. */
export interface CompiledRule extends PolicyRule {
  readonly route: PathPattern;
  readonly methods: ReadonlySet<string> | undefined;
  readonly settings: CheckedSettings;
  /** Where each setting that holds is said. */
  readonly sources: ReadonlyMap<SettingName, Path>;
}

/** A route that denies. */
export interface CompiledDenial {
  readonly rule: Path;
  readonly via: Path | undefined;
  readonly route: PathPattern;
  /** The same for a path in its loosest reading. */
  readonly loose: PathPattern;
  readonly methods: ReadonlySet<string> | undefined;
}

/** All that the policy says of one caller, in the order in which it is looked at. */
export interface CompiledCaller {
  readonly denials: readonly CompiledDenial[];
  readonly rules: readonly CompiledRule[];
}

/** What is said of whoever has this credential and is in these groups. */
export function compileCaller(
  { everybody, groups, credentials }: ParsedDefinition,
  credential: string | undefined,
  memberOf: readonly string[],
): CompiledCaller {
  const own = credential === undefined ? undefined : credentials.get(credential);
  const theirs = memberOf.map((name) => groups.get(name) as ParsedRules);
  const owners = [...(own === undefined ? [] : [own]), ...theirs, everybody];
  const routes = owners.flatMap((owner) => owner.routes.map((route) => ({ owner, route })));
  return {
    denials: routes.filter(({ route }) => route.deny).map(({ route }) => denialOf(route)),
    rules: routes
      .filter(({ route }) => !route.deny)
      .map(({ owner, route }) => ruleOf(route, placesFor(owner, route, everybody, theirs, own))),
  };
}

/** Everywhere that something may be said of a request on this route, the nearest place last. */
function placesFor(
  owner: ParsedRules,
  route: ParsedRoute,
  everybody: ParsedRules,
  theirs: readonly ParsedRules[],
  own: ParsedRules | undefined,
): readonly Place[] {
  const others = theirs.filter((each) => each !== owner).reverse();
  const group = theirs.includes(owner) ? [owner] : [];
  const callers = [everybody, ...others, ...group, ...(own === undefined ? [] : [own])];
  return callers.flatMap((each) => (each === owner ? [each, ...route.inherited, route] : [each]));
}

function ruleOf(route: ParsedRoute, places: readonly Place[]): CompiledRule {
  const settings: Record<string, unknown> = {};
  const sources = new Map<SettingName, Path>();
  for (const place of places) {
    for (const name of SETTING_NAMES) {
      if (place.settings[name] === undefined) continue;
      settings[name] = place.settings[name];
      sources.set(name, place.path);
    }
  }
  const effective = settings as CheckedSettings;
  return Object.freeze({
    allowed: true as const,
    rule: route.path,
    pattern: route.pattern.text,
    via: viaOf(route),
    application: route.application,
    rateLimits: effective.rateLimits ?? [],
    payload: effective.payload === false ? undefined : effective.payload,
    maxBodyBytes: effective.maxBodyBytes,
    skew: effective.skew,
    requiredHeaders: effective.requiredHeaders ?? [],
    signedResponses: effective.signedResponses === true,
    route: route.pattern,
    methods: route.methods,
    settings: effective,
    sources,
  });
}

function denialOf(route: ParsedRoute): CompiledDenial {
  const { path: rule, pattern, methods } = route;
  return { rule, via: viaOf(route), route: pattern, loose: loosePattern(pattern), methods };
}

function viaOf({ inherited }: ParsedRoute): Path | undefined {
  return inherited.at(-1)?.path;
}
