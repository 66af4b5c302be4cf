import { type KeyStore, keyFile, staticKeys } from '@countersign/server';
import { credentialsOf } from './credentials.js';
import { asUsage, systemCode, unavailable, usage } from './exit.js';

/** The keys of a file, whose secrets may be `env:NAME`. */
export function keysOfFile(path: string): KeyStore {
  try {
    return asUsage(() => keyFile(path, { env: process.env }));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw unavailable(`cannot read the key file ${path} (${systemCode(error)})`);
  }
}

/** The one key of the environment. */
export async function keysOfEnvironment(): Promise<KeyStore> {
  if (!process.env.COUNTERSIGN_CREDENTIAL || !process.env.COUNTERSIGN_SECRET) {
    throw usage('no key: give --keys, or set COUNTERSIGN_CREDENTIAL and COUNTERSIGN_SECRET');
  }
  const { credential, algorithm, secret } = await credentialsOf({}, process.env);
  return asUsage(() =>
    staticKeys([{ credential, algorithm: algorithm ?? 'HMAC-256', secrets: [{ secret }] }]),
  );
}
