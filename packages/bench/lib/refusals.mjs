// What refusing costs: cheap refusals are protection against floods.
import { randomBytes } from 'node:crypto';
import { HOUR } from './alterations.mjs';
import { figure } from './compare.mjs';
import { floorOfVerify } from './floor.mjs';
import { newSigner, newVerifier, viewOf } from './ours.mjs';
import { offTheWire } from './request.mjs';
import { inTurns } from './rounds.mjs';

const OTHER_SECRET = `csk_${'B'.repeat(42)}A`;
const usual = newSigner();
const stranger = newSigner({ credential: 'nobody-knows' });
const forger = newSigner({ secret: OTHER_SECRET });
const late = newSigner({ now: () => Date.now() - HOUR });

const withAuthorization = (alter) => (headers) => ({
  ...headers,
  Authorization: alter(headers.Authorization),
});
const broken = withAuthorization((text) => text.replace('Signature=', 'Signature'));
const renamed = withAuthorization((text) =>
  text.replace('nobody-knows', randomBytes(6).toString('hex')),
);

const SHAPES = {
  'malformed Authorization': ['authorization_malformed', () => viewOf(usual, { edit: broken })],
  'malformed target': ['target_malformed', () => ({ ...viewOf(usual), target: '/a/../b' })],
  'unknown key': ['credential_unknown', () => viewOf(stranger)],
  'unknown key, each time another': [
    'credential_unknown',
    () => viewOf(stranger, { edit: renamed }),
  ],
  'bad signature': ['signature_mismatch', () => viewOf(forger)],
  stale: ['date_expired', () => viewOf(late)],
  replayed: ['nonce_replayed', (used) => anew(used)],
};

/** The same request in strings of its own, as a parser makes them. */
const anew = (view) => ({
  ...view,
  target: offTheWire(view.target),
  headers: view.headers.map(offTheWire),
});

export async function refusals(options) {
  const verifier = newVerifier();
  const used = viewOf(usual);
  await verifier.verify(used);
  const kinds = Object.entries(SHAPES).map(([name, [code, make]]) => ({
    name,
    prepare: () => make(used),
    run: (view) => verifier.verify(view),
    check(verdict) {
      if (verdict.code !== code) throw new Error(`${name}: ${verdict.code ?? verdict.verdict}`);
    },
  }));
  const figures = await inTurns([{ name: 'floor', run: () => floorOfVerify() }, ...kinds], options);
  return kinds.map(({ name }) => ({ name, ...figure(figures, name) }));
}
