import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ours } from './ours.mjs';
import { peer as aws4 } from './peers/aws4.mjs';
import { peer as hawk } from './peers/hawk.mjs';
import { peer as hmacAuthExpress } from './peers/hmac-auth-express.mjs';
import { peer as httpMessageSignatures } from './peers/http-message-signatures.mjs';
import { peer as httpSignature } from './peers/http-signature.mjs';
import { peer as smithy } from './peers/smithy.mjs';
import { peer as standardWebhooks } from './peers/standardwebhooks.mjs';

export const PEERS = [
  ...[hawk, aws4, smithy, httpMessageSignatures, standardWebhooks, httpSignature],
  hmacAuthExpress,
];
export const CONTESTANTS = [ours, ...PEERS];

/**
 * Sees that what is timed does its job: it accepts what it has signed, twice made, and refuses the same with one byte altered;
 * of one that only signs, two signatures of different bodies must differ.
 *
 * @throws Error that names it
 */
export async function proveHonest(contestant) {
  const { name } = contestant;
  if (contestant.verifier === undefined) {
    const [one, other] = [await contestant.sign(), await contestant.alteredSign()];
    const [a, b] = [contestant.signatureOf(one), contestant.signatureOf(other)];
    if (typeof a !== 'string' || a === b) throw new Error(`${name}: does not sign the body`);
    return;
  }
  const verify = contestant.verifier();
  if ((await verify(await contestant.make())) !== true) throw new Error(`${name}: refuses its own`);
  if ((await verify(await contestant.make())) !== true) throw new Error(`${name}: refuses its own`);
  if ((await verify(contestant.tamper(await contestant.make()))) !== false) {
    throw new Error(`${name}: accepts an altered body`);
  }
}

/** The version of an installed package. */
export function versionOf(name) {
  let directory = dirname(createRequire(import.meta.url).resolve(name));
  for (; directory !== dirname(directory); directory = dirname(directory)) {
    try {
      const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      if (manifest.name === name) return manifest.version;
    } catch {}
  }
  throw new Error(`${name}: no version was found`);
}
