// What refusing costs: cheap refusals are protection against floods.

import { figure } from './compare.mjs';
import { floorOfVerify } from './floor.mjs';
import { newSigner, newVerifier, viewOf } from './ours.mjs';
import { inTurns } from './rounds.mjs';

const OTHER_SECRET = `csk_${'B'.repeat(42)}A`;
const HOUR = 3_600_000;

const broken = (headers) => ({
  ...headers,
  Authorization: headers.Authorization.replace('Signature=', 'Signature'),
});

const SHAPES = {
  'malformed Authorization': [
    'authorization_malformed',
    () => viewOf(newSigner(), { edit: broken }),
  ],
  'malformed target': ['target_malformed', () => ({ ...viewOf(newSigner()), target: '/a/../b' })],
  'unknown key': ['credential_unknown', () => viewOf(newSigner({ credential: 'nobody' }))],
  'bad signature': ['signature_mismatch', () => viewOf(newSigner({ secret: OTHER_SECRET }))],
  stale: ['date_expired', () => viewOf(newSigner({ now: () => Date.now() - HOUR }))],
  replayed: ['nonce_replayed', () => viewOf(newSigner())],
};

export async function refusals(options) {
  const verifier = newVerifier();
  const kinds = [{ name: 'floor', run: () => floorOfVerify() }];
  for (const [name, [code, make]] of Object.entries(SHAPES)) {
    const views = Array.from({ length: 256 }, make);
    if (name === 'replayed') for (const view of views) await verifier.verify(view);
    let next = 0;
    kinds.push({
      name,
      prepare: () => views[next++ % views.length],
      async run(view) {
        const verdict = await verifier.verify(view);
        if (verdict.code !== code) throw new Error(`${name}: ${verdict.code ?? verdict.verdict}`);
      },
    });
  }
  const figures = await inTurns(kinds, options);
  return kinds.slice(1).map(({ name }) => ({ name, ...figure(figures, name) }));
}
