import { usage } from '../exit.js';
import type { Environment } from '../profile/profile.js';

/** Key-encryption keys by their ids. */
export interface EncryptionKeys {
  /** What named them, for messages. */
  readonly source: string;
  /** The id of the one that encrypts. */
  readonly current: string;
  readonly keys: Readonly<Record<string, string>>;
}

// Not COUNTERSIGN_KEY_…, which is a key where keys are kept in the environment.
const VARIABLE = 'COUNTERSIGN_ENCRYPTION_KEYS';

/**
 * Those of the environment, `ID:ckek_…,ID:ckek_…`.
 *
 * @throws CliError that repeats no key
 */
export function encryptionKeysOf(env: Environment): EncryptionKeys {
  const text = env[VARIABLE];
  if (!text) {
    throw usage(
      `no key to encrypt secrets with: set ${VARIABLE} to what the service has, ID:ckek_… (ckek_ and base64url of 32 bytes)`,
    );
  }
  const keys: Record<string, string> = Object.create(null);
  let current: string | undefined;
  for (const part of text.split(',')) {
    const [, id, key] = /^\s*([A-Za-z0-9_-]{1,32}):(ckek_\S+)\s*$/.exec(part) ?? [];
    if (id === undefined || key === undefined || id in keys) {
      throw usage(`${VARIABLE}: expected ID:ckek_…, or several of them with commas between`);
    }
    keys[id] = key;
    current ??= id;
  }
  return { source: VARIABLE, current: current as string, keys };
}
