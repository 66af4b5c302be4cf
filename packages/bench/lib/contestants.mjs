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
import { alteredBody, BODY } from './request.mjs';

export const PEERS = [
  ...[hawk, aws4, smithy, httpMessageSignatures, standardWebhooks, httpSignature],
  hmacAuthExpress,
];
export const CONTESTANTS = [ours, ...PEERS];

// For those that only sign: what is as usual, and what is not.
const TIME = new Date('2020-01-01T12:00:30Z');
const UNUSUAL = {
  ...{ method: 'PUT', target: '/v1/orders/7', host: 'example.net', type: 'text/plain' },
  ...{ time: new Date(TIME.getTime() + 1000), body: alteredBody(BODY) },
};

/**
 * Sees that what is timed does its job: it accepts what it has signed, and refuses a copy with another signature, one of each
 * thing altered that it says it signs, and one that was signed an hour ago. Of one that only signs, each of these things gives
 * another signature.
 *
 * @throws Error that names it
 */
export async function proveHonest(contestant) {
  if (contestant.verifier === undefined) return proveSigning(contestant);
  const { name, covers, make, makeStale, altered } = contestant;
  const verify = contestant.verifier();
  for (let twice = 0; twice < 2; twice++) {
    if (!isAcceptance(await verify(await make()))) throw new Error(`${name}: refuses its own`);
  }
  for (const what of [...covers, 'signature']) {
    const answer = await verify(altered[what](await make()));
    if (isAcceptance(answer)) throw new Error(`${name}: accepts it with another ${what}`);
  }
  if (isAcceptance(await verify(await makeStale()))) throw new Error(`${name}: accepts an old one`);
}

/** What a contestant answers when it accepts: `true`, and ours a verdict. Whatever else it answers is a refusal. */
export function isAcceptance(answer) {
  return answer === true || answer?.verdict === 'accepted';
}

async function proveSigning({ name, covers, signatureOf }) {
  const usual = await signatureOf({ time: TIME });
  if ((await signatureOf({ time: TIME })) !== usual)
    throw new Error(`${name}: differs from itself`);
  for (const what of covers) {
    const other = await signatureOf({ time: TIME, [what]: UNUSUAL[what] });
    if (other === usual) throw new Error(`${name}: does not sign the ${what}`);
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
