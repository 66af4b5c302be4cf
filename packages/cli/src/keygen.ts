import { randomBytes, randomInt } from 'node:crypto';
import { type Algorithm, CREDENTIAL, Secret } from '@countersign/core';
import type { KeygenOptions } from './commands/keygen.js';
import { algorithmOf } from './credentials.js';
import { usage } from './exit.js';
import { print, style } from './output.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Prints a new key. */
export function keygen(options: KeygenOptions): void {
  const credential = options.credential ?? randomCredential();
  if (!CREDENTIAL.test(credential)) {
    throw usage(`--credential "${credential}": expected 1–128 characters of A-Z a-z 0-9 . _ -`);
  }
  if (credential.startsWith('csk_')) {
    throw usage('--credential: this looks like a secret, and a credential is sent in clear');
  }
  const algorithm = algorithmOf(options.algorithm, {});
  const secret = Secret.from(randomBytes(32)).expose();
  const file = JSON.stringify(
    { keys: [{ credential, algorithm, secrets: [{ secret }] }] },
    undefined,
    2,
  );
  if (options.json) {
    print(file);
    return;
  }
  printForCaller(credential, algorithm, secret);
  print(`\n${style('bold', 'For the service, as keys.json:')}\n${file}`);
}

/** Prints what the caller sets to sign. */
export function printForCaller(credential: string, algorithm: Algorithm, secret: string): void {
  const exports = [
    `export COUNTERSIGN_CREDENTIAL=${credential}`,
    `export COUNTERSIGN_SECRET=${secret}`,
    ...(algorithm === 'HMAC-256' ? [] : [`export COUNTERSIGN_ALGORITHM=${algorithm}`]),
  ];
  print(`${style('bold', 'Credential:')} ${credential} (${algorithm})`);
  print(`\n${style('bold', 'For the caller:')}\n${exports.join('\n')}`);
}

function randomCredential(): string {
  const letters = Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]);
  return `key-${letters.join('')}`;
}
