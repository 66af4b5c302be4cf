import type { KeyEntry } from '@countersign/server';
import type { AskedOptions } from '../commands/keys.js';
import { EXIT } from '../exit.js';
import { confirmed } from './confirmed.js';
import { noSuchKey } from './no-such-key.js';
import { withStore } from './open-store.js';
import { tell } from './tell.js';

type Change = 'disable' | 'enable' | 'remove';

const DONE = { disable: 'disabled', enable: 'enabled', remove: 'removed' } as const;
const STATUS = { disable: 'disabled', enable: 'active', remove: undefined } as const;
const QUESTIONS = {
  disable: 'Refuse all that is signed with it?',
  enable: 'Accept what is signed with it again?',
  remove: 'Remove it and its secrets for good?',
} as const;

/** Disables, enables or removes a key, if whoever is asked says yes. */
export async function changeAsked(
  change: Change,
  credential: string,
  options: AskedOptions,
): Promise<void> {
  await withStore(options, async (store, name) => {
    const key = (await store.list()).find((listed) => listed.credential === credential);
    if (key === undefined) throw noSuchKey(credential, name);
    const status = STATUS[change];
    if (key.status === status) {
      tell(change, `"${credential}" in ${name} is ${status} already`);
      return;
    }
    const question = `"${credential}" (${key.status}) in ${name}: ${QUESTIONS[change]}`;
    if (options.yes !== true && !(await confirmed(question))) {
      tell(change, 'nothing was changed');
      process.exitCode = EXIT.refused;
      return;
    }
    await store.change(credential, (entry): KeyEntry | undefined => {
      if (entry === undefined) throw noSuchKey(credential, name);
      return status === undefined ? undefined : { ...entry, status };
    });
    tell(change, `"${credential}" in ${name} is ${DONE[change]}`);
  });
}
