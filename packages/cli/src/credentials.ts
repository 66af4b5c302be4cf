import type { SignerOptions } from '@countersign/client';
import { type Algorithm, isAlgorithm, Secret } from '@countersign/core';
import { asUsage, usage } from './exit.js';
import { readBytes } from './input.js';
import type { CredentialOptions } from './options.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who signs. An option outweighs the environment; a secret is never taken from the command line, where `ps` shows it. */
export async function credentialsOf(
  options: CredentialOptions,
  env: Environment,
): Promise<Pick<SignerOptions, 'credential' | 'algorithm'> & { readonly secret: Secret }> {
  const credential = options.credential ?? env.COUNTERSIGN_CREDENTIAL;
  if (credential === undefined || credential === '') {
    throw usage('no credential: set COUNTERSIGN_CREDENTIAL, or give --credential');
  }
  return {
    credential,
    algorithm: algorithmOf(options.algorithm, env),
    secret: await secretOf(options.secretFile, env),
  };
}

/** The algorithm that was asked for; HMAC-256 unless said otherwise. */
export function algorithmOf(option: string | undefined, env: Environment): Algorithm {
  const source = option !== undefined ? '--algorithm' : 'COUNTERSIGN_ALGORITHM';
  const algorithm = option ?? (env.COUNTERSIGN_ALGORITHM || 'HMAC-256');
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
    throw usage('no secret: set COUNTERSIGN_SECRET, or give --secret-file');
  }
  return secretFrom(text, 'COUNTERSIGN_SECRET');
}

function secretFrom(text: string, source: string): Secret {
  return asUsage(
    () => Secret.from(text),
    (message) => message.replace('secret:', `${source}:`),
  );
}
