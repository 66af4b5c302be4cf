import { signedHeadersFault } from '@countersign/core';
import { aBoolean, optionIn, wholeNumber } from '../options.js';
import { AddressList } from './address-list.js';
import { listOf, objectOf, type Path, textsOf, under } from './checks.js';
import type { PathOddity, PolicyPayload } from './definition.js';

/** A rate limit, and the place in the definition that its requests are counted by. */
export interface RateLimitRule {
  /** Path of the limit in the definition: what has the same one is counted together. */
  readonly rule: Path;
  readonly requests: number;
  readonly seconds: number;
  readonly per: 'credential' | 'group';
}

/** {@link PolicyPayload} with its defaults. */
export type PayloadRules = {
  readonly [name in keyof PolicyPayload]-?: Exclude<PolicyPayload[name], undefined>;
};

/** The settings of one place once they are checked; what was left out is absent. */
export interface CheckedSettings {
  allowAddresses?: AddressList;
  denyAddresses?: AddressList;
  https?: boolean;
  requiredHeaders?: readonly string[];
  skew?: number;
  maxBodyBytes?: number;
  allowInPath?: readonly PathOddity[];
  rateLimits?: readonly RateLimitRule[];
  signedResponses?: boolean;
  payload?: PayloadRules | false;
}

export type SettingName = keyof CheckedSettings;

const SETTINGS: { readonly [name in SettingName]-?: (value: unknown, path: Path) => unknown } = {
  allowAddresses: (value, path) => {
    if (listOf(value, path).length > 0) return addressesOf(value, path);
    throw new TypeError(`${path}: expected at least one address; leave it out to allow any`);
  },
  denyAddresses: addressesOf,
  https: (value, path) => aBoolean(path, value),
  requiredHeaders: (value, path) =>
    textsOf(value, path, headerName, 'the name of a header field that can be signed'),
  skew: (value, path) => wholeNumber(path, value, 1, 3600),
  maxBodyBytes: (value, path) => wholeNumber(path, value, 0, Number.MAX_SAFE_INTEGER),
  allowInPath: (value, path) => textsOf(value, path, pathOddity, '"%2F", "%5C" or ";"'),
  rateLimits: rateLimitRules,
  signedResponses: (value, path) => aBoolean(path, value),
  payload: (value, path) => (value === false ? false : payload(value, path)),
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The settings among the members of an object. */
export function parseSettings(
  members: Readonly<Record<string, unknown>>,
  path: Path,
): CheckedSettings {
  const checked: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const value = members[name];
    if (value !== undefined) checked[name] = SETTINGS[name](value, under(path, name));
  }
  return checked;
}

function addressesOf(value: unknown, path: Path): AddressList {
  const list = new AddressList();
  const expected = 'an address or a CIDR block such as "10.0.0.0/8"';
  textsOf(value, path, (cidr) => (list.add(cidr) ? cidr : undefined), expected);
  return list;
}

function headerName(text: string): string | undefined {
  const name = text.toLowerCase();
  return signedHeadersFault([name]) === undefined ? name : undefined;
}

function pathOddity(text: string): PathOddity | undefined {
  return text === '%2F' || text === '%5C' || text === ';' ? text : undefined;
}

/** A list of limits. */
export function rateLimitRules(value: unknown, path: Path): readonly RateLimitRule[] {
  return listOf(value, path).map((each, i) => rateLimit(each, `${path}[${i}]`));
}

// A limiter in memory has a timer for the window, and one of 2³¹ ms or more fires at once: nothing would be counted.
const LONGEST_WINDOW = 2_147_483;

function rateLimit(value: unknown, path: Path): RateLimitRule {
  const {
    requests,
    seconds,
    per = 'credential',
  } = objectOf(value, path, ['requests', 'seconds', 'per']);
  return Object.freeze({
    rule: path,
    requests: wholeNumber(`${path}.requests`, requests, 1, 1_000_000_000),
    seconds: wholeNumber(`${path}.seconds`, seconds, 1, LONGEST_WINDOW),
    per: optionIn(`${path}.per`, per as 'group', ['credential', 'group']),
  });
}

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/;

function payload(value: unknown, path: Path): PayloadRules {
  const members = ['contentTypes', 'maxDepth', 'maxKeys', 'maxStringLength'];
  const given = objectOf(value, path, members);
  const { contentTypes = ['application/json'], maxStringLength = 65_536 } = given;
  const { maxDepth = 32, maxKeys = 10_000 } = given;
  const types = textsOf(
    contentTypes,
    `${path}.contentTypes`,
    (type) => (MEDIA_TYPE.test(type.toLowerCase()) ? type.toLowerCase() : undefined),
    'a media type without parameters, such as "application/json"',
  );
  return Object.freeze({
    contentTypes: types,
    maxDepth: wholeNumber(`${path}.maxDepth`, maxDepth, 0, 1_000),
    maxKeys: wholeNumber(`${path}.maxKeys`, maxKeys, 0, 100_000_000),
    maxStringLength: wholeNumber(`${path}.maxStringLength`, maxStringLength, 0, 2 ** 30),
  });
}
