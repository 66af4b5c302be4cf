import type { Path } from './checks.js';
import { under } from './checks.js';
import type { ParsedDefinition, Place } from './parse-definition.js';
import type { CheckedSettings, RateLimitRule, SettingName } from './settings.js';

/** What is said anywhere in the definition, and needs more than a policy. */
export interface PolicyUses {
  /** All of them, in no particular order. */
  readonly rateLimits: readonly RateLimitRule[];
  /** The first place, such as `groups.partners.signedResponses`. */
  readonly signedResponses: Path | undefined;
  /** The first place. */
  readonly payload: Path | undefined;
}

export function firstUses({ everybody, groups, credentials }: ParsedDefinition): PolicyUses {
  const all = [everybody, ...groups.values(), ...credentials.values()];
  const places = all.flatMap((rules) => [
    rules,
    ...rules.routes.flatMap((route) => [...route.inherited, route]),
  ]);
  return Object.freeze({
    rateLimits: [...new Set(places.flatMap(({ settings }) => settings.rateLimits ?? []))],
    signedResponses: first(places, 'signedResponses', (said) => said.signedResponses === true),
    payload: first(places, 'payload', ({ payload = false }) => payload !== false),
  });
}

function first(
  places: readonly Place[],
  name: SettingName,
  isUsed: (settings: CheckedSettings) => boolean,
): Path | undefined {
  const place = places.find(({ settings }) => isUsed(settings));
  return place === undefined ? undefined : under(place.path, name);
}
