import type { PresignOptions } from '../commands/presign.js';
import { dateOf } from '../date-option.js';
import { asUsage } from '../exit.js';
import { print } from '../output.js';
import { signerFor } from '../signer.js';
import { durationOf } from './duration.js';

/** Prints a URL that is good for a time, and nothing else. */
export async function presign(url: string, options: PresignOptions): Promise<void> {
  const expiresIn = durationOf(options.expiresIn);
  const second = dateOf(options.date) ?? Math.floor(Date.now() / 1000);
  const { signer } = await signerFor(url, options, { now: () => second * 1000 });
  const singleUse = options.singleUse ?? false;
  const presigned = asUsage(() => signer.presign(url, { expiresIn, singleUse }));
  if (!options.json) {
    print(presigned);
    return;
  }
  const expiresAt = new Date((second + expiresIn) * 1000).toISOString().replace('.000Z', 'Z');
  print(JSON.stringify({ url: presigned, expiresAt }, undefined, 2));
}
