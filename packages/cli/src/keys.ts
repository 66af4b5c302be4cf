import { type KeyStore, keyFile, staticKeys } from '@countersign/server';
import { credentialsOf } from './credentials.js';
import { asUsage, systemCode, unavailable, usage } from './exit.js';

/** The keys of a file, JSON or (`.yaml`, `.yml`) YAML, whose secrets may be `env:NAME`. */
export async function keysOfFile(path: string): Promise<KeyStore> {
  const yaml = /\.ya?ml$/i.test(path) ? await import('./yaml-keys.js') : undefined;
  const read = yaml?.yamlKeyFile ?? keyFile;
  try {
    return asUsage(() => read(path, { env: process.env }));
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
  const env = { ...process.env, COUNTERSIGN_PROFILE: undefined };
  const { credential, algorithm, secret } = await credentialsOf({}, env);
  return asUsage(() => staticKeys([{ credential, algorithm, secrets: [{ secret }] }]));
}
