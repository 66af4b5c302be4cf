import { type Algorithm, isAlgorithm, type Secret } from '@countersign/core';
import { usage } from './exit.js';
import { readBytes } from './input.js';
import type { CredentialOptions } from './options.js';
import type { Environment, NamedProfile } from './profile/profile.js';
import { profileFor } from './profile/profile-file.js';
import { secretFrom, secretOfReference, variablesOf } from './profile/secret-reference.js';

/** Who signs. */
export interface Credentials {
  readonly credential: string;
  readonly algorithm: Algorithm;
  readonly secret: Secret;
  /** The profile that any of it came from, or that was named. */
  readonly profile: NamedProfile | undefined;
  /** Environment variables that hold a secret. */
  readonly variables: readonly string[];
}

/**
 * An option outweighs the environment, and that the profile in use; a profile that is named stands where its name stands. A
 * secret is never taken from the command line, where `ps` shows it.
 */
export async function credentialsOf(
  options: CredentialOptions,
  env: Environment,
): Promise<Credentials> {
  const isNamed = options.profile !== undefined;
  const own = isNamed ? {} : env; // what --profile names is not mixed with the environment
  const givenCredential = options.credential ?? (own.COUNTERSIGN_CREDENTIAL || undefined);
  const hasSecret = options.secretFile !== undefined || Boolean(own.COUNTERSIGN_SECRET);
  const profile = profileFor(options.profile, env, givenCredential === undefined || !hasSecret);

  const credential = givenCredential ?? profile?.profile.credential;
  if (credential === undefined) {
    throw usage('no credential: set COUNTERSIGN_CREDENTIAL, or give --credential or --profile');
  }
  return {
    credential,
    algorithm: algorithmOf(options.algorithm, own, profile?.profile.algorithm),
    secret:
      hasSecret || profile === undefined
        ? await secretOf(options.secretFile, own)
        : secretOfReference(profile.profile.secret, `profile "${profile.name}"`, env),
    profile,
    variables: ['COUNTERSIGN_SECRET', ...variablesOf(profile?.profile.secret)],
  };
}

/** The algorithm that was asked for. */
export function algorithmOf(
  option: string | undefined,
  env: Environment,
  otherwise: Algorithm = 'HMAC-256',
): Algorithm {
  const source = option !== undefined ? '--algorithm' : 'COUNTERSIGN_ALGORITHM';
  const algorithm = option ?? (env.COUNTERSIGN_ALGORITHM || otherwise);
  if (!isAlgorithm(algorithm)) {
    throw usage(`${source} "${algorithm}": expected HMAC-256 or HMAC-512`);
  }
  return algorithm;
}

async function secretOf(file: string | undefined, env: Environment): Promise<Secret> {
  if (file !== undefined) {
    const text = (await readBytes(file)).toString('utf8').trim();
    return secretFrom(text, `--secret-file ${file}`);
  }
  const text = env.COUNTERSIGN_SECRET;
  if (text === undefined || text === '') {
    throw usage('no secret: set COUNTERSIGN_SECRET, or give --secret-file or --profile');
  }
  return secretFrom(text, 'COUNTERSIGN_SECRET');
}
