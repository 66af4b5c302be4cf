import { readFile } from 'node:fs/promises';
import type { SecretProvider } from '../secret-source.js';

const SECRET = /^csk_[A-Za-z0-9_-]+$/;

/**
 * A secret that is in a file, such as one a secret manager mounts: `csk_…`, with or without white space around it. The file is
 * read again when a signer reloads, so that a rotation needs no restart.
 *
 * @returns rejects with the error of the file system, or with a TypeError that never repeats what the file holds
 * @example const signer = createSigner({ credential: 'orders-service', secret: secretFile('/run/secrets/countersign') });
 */
export function secretFile(path: string | URL): SecretProvider {
  if (typeof path !== 'string' && !(path instanceof URL)) {
    throw new TypeError('secretFile: expected the path of a file');
  }
  return async () => checked(await readFile(path, 'utf8'), `secretFile: ${path}`);
}

/**
 * A secret that is in a variable of the environment, read again when a signer reloads.
 *
 * @returns throws a TypeError that never repeats what the variable holds
 * @example const signer = createSigner({ credential: 'orders-service', secret: secretEnv('COUNTERSIGN_SECRET') });
 */
export function secretEnv(name: string): SecretProvider {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('secretEnv: expected the name of a variable');
  }
  return () => {
    const value = process.env[name];
    if (value === undefined) throw new TypeError(`secretEnv: ${name} is not set`);
    return checked(value, `secretEnv: ${name}`);
  };
}

function checked(content: string, where: string): string {
  const secret = content.trim();
  if (!SECRET.test(secret)) throw new TypeError(`${where} does not hold a secret ("csk_…")`);
  return secret;
}
