import { aBoolean, knownOptions } from '../options.js';
import type { Path } from './checks.js';
import { type CompiledCaller, compileCaller, type PolicyRule } from './compile.js';
import { decide, type PolicyDecision, type PolicyQuestion } from './decide.js';
import type { PolicyDefinition } from './definition.js';
import { explain, type PolicyCase, type PolicyExplanation } from './explain.js';
import { type ParsedDefinition, parseDefinition } from './parse-definition.js';
import { firstUses, type PolicyUses } from './uses.js';

export type { PolicyRule } from './compile.js';
export type { PolicyDecision, PolicyQuestion, PolicyRefusal } from './decide.js';
export type {
  PathOddity,
  PolicyApplication,
  PolicyApplicationRoute,
  PolicyDefinition,
  PolicyGroup,
  PolicyPathRoute,
  PolicyPayload,
  PolicyRateLimit,
  PolicyRoute,
  PolicyRules,
  PolicySettings,
} from './definition.js';
export type {
  ConsideredRoute,
  ConsideredSetting,
  PolicyCase,
  PolicyExplanation,
} from './explain.js';
export type { PayloadRules, RateLimitRule } from './settings.js';
export type { PolicyUses } from './uses.js';

/** Rules on who may do what, for a verifier's option `policy`, a gateway, or anybody who asks. */
export interface Policy {
  /**
   * Decides by what is known once the signature holds.
   *
   * @param caller - the verified identity; {@link Policy.ruleOf} knows it from then on, if it is allowed
   * @returns the rule that allows, whose further settings are still to be met; or why it is refused
   */
  decide(question: PolicyQuestion, caller?: object): PolicyDecision;
  /**
   * The rule that allowed the request of this verified identity.
   *
   * @example const limits = policy.ruleOf(caller.identity)?.payload;
   */
  ruleOf(caller: object): PolicyRule | undefined;
  /**
   * Says which rule decides on a request, and why, in words and as data. Decides nothing.
   *
   * @example console.log(policy.explain({ method: 'GET', target: '/v1/orders/7', credential: 'acme' }).text);
   */
  explain(request: PolicyCase): PolicyExplanation;
  /** Where settings are said that need more than a policy: a limiter, signed responses, a check of bodies. */
  readonly uses: PolicyUses;
}

/** What whoever makes a policy promises. */
export interface PolicyOptions {
  /** The rules on payloads are seen to, by `ruleOf(identity).payload`; without this a definition that has any is refused. */
  readonly checksPayload?: boolean | undefined;
}

/**
 * Makes a policy. What it does not allow is refused.
 *
 * @param definition - plain data, as from JSON or YAML; see docs/policy.md
 * @throws TypeError or RangeError whose message begins with the path of the bad value, such as `groups.partners.routes[2].methods`
 * @example
 * const policy = createPolicy({ https: true, groups: { partners: { routes: ['GET /v1/orders', 'GET,PUT /v1/orders/{id}'] } } });
 * const verifier = createVerifier({ keys, nonces, hosts, policy });
 */
export function createPolicy(definition: PolicyDefinition, options: PolicyOptions = {}): Policy {
  knownOptions(options, ['checksPayload']);
  const { checksPayload = false } = options;
  const parsed = parseDefinition(definition);
  const uses = firstUses(parsed);
  if (!aBoolean('checksPayload', checksPayload) && uses.payload !== undefined) {
    throw new TypeError(
      `${uses.payload}: needs somebody who checks bodies, such as the gateway, and says so with checksPayload`,
    );
  }
  const callers = new Callers(parsed);
  const rules = new WeakMap<object, PolicyRule>();
  return Object.freeze({
    decide(question: PolicyQuestion, caller?: object) {
      const decision = decide(callers.get(question), question);
      if (decision.allowed && caller !== undefined) rules.set(caller, decision);
      return decision;
    },
    ruleOf: (caller: object) => rules.get(caller),
    explain: (request: PolicyCase) =>
      explain(callers.get(request), callers.groupsOf(request), request),
    uses,
  });
}

type Who = Pick<PolicyQuestion, 'credential' | 'group'>;

/** What is said of each caller, put together when it first calls. All that the policy does not name share what is said of everybody. */
class Callers {
  readonly #parsed: ParsedDefinition;
  readonly #byGroup = new Map<string | undefined, CompiledCaller>();
  readonly #byCredential = new Map<string, Map<string | undefined, CompiledCaller>>();

  constructor(parsed: ParsedDefinition) {
    this.#parsed = parsed;
    for (const name of [...parsed.credentials.keys(), ...parsed.memberships.keys()]) {
      this.#byCredential.set(name, new Map());
    }
  }

  get(who: Who): CompiledCaller {
    const { credential } = who;
    // Neither grows with strangers: only what the definition names is a key.
    const group = this.#parsed.groups.has(who.group as string) ? who.group : undefined;
    const own = this.#byCredential.get(credential);
    const known = own ?? this.#byGroup;
    let caller = known.get(group);
    if (caller === undefined) {
      caller = compileCaller(this.#parsed, credential, this.groupsOf(who));
      known.set(group, caller);
    }
    return caller;
  }

  groupsOf({ credential, group }: Who): readonly Path[] {
    const listed = this.#parsed.memberships.get(credential) ?? [];
    return [...this.#parsed.groups.keys()].filter(
      (name) => name === group || listed.includes(name),
    );
  }
}
