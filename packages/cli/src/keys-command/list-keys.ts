import type { ListOptions } from '../commands/keys.js';
import { print, printable, style } from '../output.js';
import { withStore } from './open-store.js';
import { timeText } from './secret-times.js';
import { tell } from './tell.js';
import type { KeyListing } from './writable-key-store.js';

type ListedSecret = KeyListing['secrets'][number];

/** Prints all keys, and never a secret. */
export async function listKeys(options: ListOptions): Promise<void> {
  await withStore(options, async (store, name) => {
    const keys = await store.list();
    const now = Date.now();
    if (options.json) {
      print(
        JSON.stringify(
          keys.map((key) => shownKey(key, now)),
          undefined,
          2,
        ),
      );
      return;
    }
    if (keys.length === 0) {
      tell('list', `${name} has no key; add one with countersign keys add`);
      return;
    }
    for (const line of tableOf(keys, now)) print(line);
  });
}

function shownKey({ secrets, lastUsed, ...key }: KeyListing, now: number) {
  const { credential, algorithm, status, group } = key;
  const time = (milliseconds: number | undefined) =>
    milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
  return {
    ...{ credential, algorithm, status, group },
    secrets: secrets.map(({ id, notBefore, notAfter }) => ({
      id,
      state: stateOf({ notBefore, notAfter }, now),
      notBefore: time(notBefore),
      notAfter: time(notAfter),
    })),
    lastUsed: time(lastUsed),
  };
}

function tableOf(keys: readonly KeyListing[], now: number): readonly string[] {
  const uses = keys.some(({ lastUsed }) => lastUsed !== undefined);
  const rows = keys.map(({ credential, status, group, algorithm, lastUsed, secrets }) => [
    ...[credential, status, group ?? '-', algorithm],
    ...(uses ? [lastUsed === undefined ? '-' : timeText(lastUsed)] : []),
    secrets.map((secret) => secretText(secret, now)).join(', '),
  ]);
  const head = ['CREDENTIAL', 'STATUS', 'GROUP', 'ALGORITHM', ...(uses ? ['LAST USED'] : [])];
  const all = [[...head, 'SECRETS'], ...rows];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0))) ?? [];
  return all.map((row, at) => {
    const line = row.map((cell, i) => printable(cell).padEnd(widths[i] ?? 0)).join('  ');
    return at === 0 ? style('bold', line.trimEnd()) : line.trimEnd();
  });
}

function secretText(secret: ListedSecret, now: number): string {
  const { id = '(no id)', notBefore, notAfter } = secret;
  const state = stateOf(secret, now);
  if (state === 'to come') return `${id} from ${timeText(notBefore ?? 0)}`;
  if (state === 'ended') return `${id} ended ${timeText(notAfter ?? 0)}`;
  return notAfter === undefined ? id : `${id} until ${timeText(notAfter)}`;
}

function stateOf({ notBefore = -Infinity, notAfter = Infinity }: ListedSecret, now: number) {
  if (notAfter <= now) return 'ended';
  return notBefore > now ? 'to come' : 'live';
}
