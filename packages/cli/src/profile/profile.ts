import { type Algorithm, CREDENTIAL, isAlgorithm } from '@countersign/core';
import { usage } from '../exit.js';
import { originOf } from '../origins.js';
import { checkReference } from './secret-reference.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Who signs, and for whom. */
export interface Profile {
  readonly credential: string;
  readonly algorithm: Algorithm;
  /** `csk_…`, `env:NAME`, or `file:` with an absolute path. */
  readonly secret: string;
  /** Where it may sign for; anywhere if there is none. */
  readonly origins: readonly string[];
}

/** A profile and what it is called. */
export interface NamedProfile {
  readonly name: string;
  readonly profile: Profile;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MEMBERS: readonly string[] = ['credential', 'algorithm', 'secret', 'origins'];

/** The same name, if a profile can be called so. */
export function checkName(name: string): string {
  if (!NAME.test(name) || name.startsWith('csk_')) {
    throw usage(
      `"${name}" is no name of a profile; expected 1–64 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit`,
    );
  }
  return name;
}

/**
 * A profile of what was given or read.
 *
 * @param where - says which member is meant where it is refused; no message repeats a secret
 * @param directory - where the path of a secret begins that is not absolute
 */
export function checkProfile(
  value: unknown,
  where: (member: string) => string,
  directory: string,
): Profile {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usage(`${where('')}: expected an object`);
  }
  for (const member of Object.keys(value)) {
    if (MEMBERS.includes(member)) continue;
    throw usage(`${where(member)}: unknown member; known are ${MEMBERS.join(', ')}`);
  }
  const {
    credential,
    algorithm = 'HMAC-256',
    secret,
    origins = [],
  } = value as Record<string, unknown>;
  if (typeof credential !== 'string' || !CREDENTIAL.test(credential)) {
    throw usage(`${where('credential')}: expected 1–128 characters of A-Z a-z 0-9 . _ -`);
  }
  if (credential.startsWith('csk_')) {
    throw usage(
      `${where('credential')}: this looks like a secret, and a credential is sent in clear`,
    );
  }
  if (!isAlgorithm(algorithm)) throw usage(`${where('algorithm')}: expected HMAC-256 or HMAC-512`);
  if (typeof secret !== 'string') {
    throw usage(`${where('secret')}: expected csk_…, env:NAME or file:PATH`);
  }
  if (!Array.isArray(origins)) throw usage(`${where('origins')}: expected a list`);
  return {
    credential,
    algorithm,
    secret: checkReference(secret, where('secret'), directory),
    origins: [...new Set(origins.map((origin: unknown) => checkOrigin(origin, where('origins'))))],
  };
}

function checkOrigin(value: unknown, where: string): string {
  const origin = typeof value === 'string' ? originOf(value) : undefined;
  if (origin !== undefined) return origin;
  throw usage(`${where} "${value}": expected an origin such as https://api.example.com`);
}
