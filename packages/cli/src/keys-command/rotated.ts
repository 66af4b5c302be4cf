import type { KeyEntry } from '@countersign/server';
import { recordOf, timeText } from './secret-times.js';

type SecretEntry = KeyEntry['secrets'][number];

/** A key after its rotation. */
export interface Rotated {
  readonly key: KeyEntry;
  /** The old secrets that are good for a while. */
  readonly old: readonly { readonly id: string | undefined; readonly notAfter: string }[];
  /** Those that are gone. */
  readonly removed: readonly { readonly id: string | undefined }[];
}

/**
 * A key with a new secret behind its old ones, which end after the overlap or as they would have anyway. Those that have ended
 * by then, or would not have begun, are left out.
 *
 * @param now - milliseconds since 1970
 * @param overlap - milliseconds
 */
export function rotated(key: KeyEntry, secret: SecretEntry, now: number, overlap: number): Rotated {
  const { secrets } = recordOf(key);
  const kept: SecretEntry[] = [];
  const removed: { id: string | undefined }[] = [];
  for (const [i, entry] of key.secrets.entries()) {
    const end = Math.ceil((now + overlap) / 1000) * 1000;
    const { notBefore, notAfter } = secrets[i] ?? {};
    const isEnded = overlap === 0 || (notAfter ?? Infinity) <= now || (notBefore ?? 0) >= end;
    if (isEnded) removed.push({ id: entry.id });
    else if ((notAfter ?? Infinity) <= end) kept.push(entry);
    else kept.push({ ...entry, notAfter: timeText(end) });
  }
  return {
    key: { ...key, secrets: [...kept, secret] },
    old: kept.map(({ id, notAfter }) => ({ id, notAfter: notAfter as string })),
    removed,
  };
}
