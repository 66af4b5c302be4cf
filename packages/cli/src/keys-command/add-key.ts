import type { KeyEntry } from '@countersign/server';
import type { AddOptions } from '../commands/keys.js';
import { algorithmOf } from '../credentials.js';
import { usage } from '../exit.js';
import { printForCaller } from '../keygen.js';
import { print } from '../output.js';
import { checkGiven, newSecret } from './new-secret.js';
import { withStore } from './open-store.js';
import { newSecretId } from './secret-times.js';
import { tell } from './tell.js';

/** Makes a key, and prints its secret. */
export async function addKey(credential: string, options: AddOptions): Promise<void> {
  const { group, notAfter } = options;
  const algorithm = algorithmOf(options.algorithm, {});
  const id = newSecretId(options.secretId, undefined);
  const secret = newSecret();
  const key: KeyEntry = { credential, algorithm, group, secrets: [{ id, secret, notAfter }] };
  checkGiven(key);
  const add = (there: KeyEntry | undefined): KeyEntry => {
    if (there === undefined) return key;
    throw usage(
      `there is a key "${credential}" already; countersign keys rotate gives it a new secret`,
    );
  };
  await withStore(
    options,
    async (store, name) => {
      await store.change(credential, add);
      if (options.json) {
        print(JSON.stringify({ credential, algorithm, group, id, secret, notAfter }, undefined, 2));
        return;
      }
      printForCaller(credential, algorithm, secret);
      tell('add', `kept in ${name} as secret "${id}"; it is not shown again`);
    },
    true,
  );
}
