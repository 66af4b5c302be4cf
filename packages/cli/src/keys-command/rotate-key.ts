import type { KeyEntry } from '@countersign/server';
import type { RotateOptions } from '../commands/keys.js';
import { printForCaller } from '../keygen.js';
import { print } from '../output.js';
import { checkGiven, newSecret } from './new-secret.js';
import { noSuchKey } from './no-such-key.js';
import { withStore } from './open-store.js';
import { overlapOf } from './overlap.js';
import { type Rotated, rotated } from './rotated.js';
import { newSecretId } from './secret-times.js';
import { tell } from './tell.js';

/** Gives a key a new secret, prints it, and says until when the old ones are good. */
export async function rotateKey(credential: string, options: RotateOptions): Promise<void> {
  const overlap = overlapOf(options.overlap);
  const { secretId, notAfter } = options;
  const secret = newSecret();
  checkGiven({ credential, secrets: [{ id: secretId, secret, notAfter }] });
  await withStore(options, async (store, name) => {
    let result: Rotated | undefined;
    await store.change(credential, (key) => {
      if (key === undefined) throw noSuchKey(credential, name);
      const id = newSecretId(secretId, key);
      result = rotated(key, { id, secret, notAfter }, Date.now(), overlap);
      return result.key;
    });
    if (result !== undefined) show(result, secret, options);
  });
}

function show({ key, old, removed }: Rotated, secret: string, { json }: RotateOptions): void {
  const { credential, algorithm = 'HMAC-256', group } = key;
  const { id, notAfter } = key.secrets.at(-1) as KeyEntry['secrets'][number];
  if (json) {
    const shown = { credential, algorithm, group, id, secret, notAfter, old, removed };
    print(JSON.stringify(shown, undefined, 2));
  } else {
    printForCaller(credential, algorithm, secret);
    tell('rotate', `the new secret "${id}" is good at once; it is not shown again`);
    for (const { id, notAfter } of old) tell('rotate', `${named(id)} is good until ${notAfter}`);
    for (const { id } of removed) tell('rotate', `${named(id)} is removed`);
  }
  if (key.status === 'disabled') tell('rotate', 'the key is disabled');
}

function named(id: string | undefined): string {
  return id === undefined ? 'an old secret without an id' : `the old secret "${id}"`;
}
