// How cost grows with what a request is made of, and with what the service holds.
import { memoryNonceStore, staticKeys } from '@countersign/server';
import { floorOfSign, floorOfVerify } from './floor.mjs';
import { mustAccept, newSigner, newVerifier, viewOf } from './ours.mjs';
import { BODY, CREDENTIAL, HOST, jsonOf, SECRET, TYPE, URL_TEXT } from './request.mjs';
import { inTurns, median, ratioOf } from './rounds.mjs';

const OTHER_SECRETS = ['B', 'C'].map((letter) => `csk_${letter.repeat(42)}A`);
const SIZES = [0, 1024, 65_536, 1_048_576];

const manyKeys = (count) =>
  staticKeys(
    Array.from({ length: count }, (_, i) => ({
      credential: `key-${i}`,
      secrets: [{ secret: SECRET }],
    })),
  );

/** They call in turn, up to so many of them. */
const MOST_CALLERS = 1_000; // so that none calls for the first time once the rounds count: a secret is made ready when it is first used
const callers = (count) =>
  Array.from({ length: Math.min(count, MOST_CALLERS) }, (_, i) =>
    newSigner({ credential: `key-${i}` }),
  );

const keysWithSecrets = (count) =>
  staticKeys([
    {
      credential: CREDENTIAL,
      // The one that signs is tried last.
      secrets: [...OTHER_SECRETS.slice(0, count - 1), SECRET].map((secret) => ({ secret })),
    },
  ]);

/** Signs this many header fields in all: three of the protocol, two of the body, the rest the caller's. */
function withHeaders(count) {
  const names = Array.from({ length: Math.max(0, count - 5) }, (_, i) => `x-field-${i}`);
  const headers = Object.fromEntries(names.map((name) => [name, 'some value']));
  return count === 3
    ? { signer: newSigner(), body: undefined }
    : { signer: newSigner({ signedHeaders: names }), headers, body: BODY };
}

function withParameters(count) {
  const query = Array.from({ length: count }, (_, i) => `p${String(i).padStart(3, '0')}=${i}`);
  return {
    url: count === 0 ? `https://${HOST}/v1/orders` : `https://${HOST}/v1/orders?${query.join('&')}`,
  };
}

function filledStore(count) {
  const store = memoryNonceStore({ start: 'fresh', capacity: 2 ** 24 });
  const expiresAt = Math.floor(Date.now() / 1000) + 3_000;
  for (let i = 0; i < count; i++)
    store.claim(`key-${i % 100}`, `nonce-${String(i).padStart(16, '0')}`, expiresAt);
  return store;
}

/** Every series: what changes, and for each step how to sign and verify. Made when its turn comes: a million keys take room. */
const SERIES = {
  'body bytes': () =>
    SIZES.map((size) => [
      size,
      { body: size === 0 ? undefined : size === 1024 ? BODY : jsonOf(size) },
    ]),
  keys: () =>
    [1, 1_000, 1_000_000].map((count) => [
      count,
      { signers: callers(count), verifier: { keys: () => manyKeys(count) } },
    ]),
  'secrets of the key': () =>
    [1, 3].map((count) => [count, { verifier: { keys: () => keysWithSecrets(count) } }]),
  'signed header fields': () => [3, 8, 32].map((count) => [count, withHeaders(count)]),
  'query parameters': () => [0, 10, 100].map((count) => [count, withParameters(count)]),
  'live nonces': () =>
    [0, 1_000_000].map((count) => [count, { verifier: { nonces: () => filledStore(count) } }]),
};

/** One step of a series: ours and the floor of it. */
function kindsOf(
  step,
  { signer = newSigner(), signers = [signer], verifier: parts = {}, ...request },
) {
  const made = Object.fromEntries(Object.entries(parts).map(([name, make]) => [name, make()]));
  const verifier = newVerifier(made);
  const body = 'body' in request ? request.body : BODY;
  const url = request.url ?? URL_TEXT;
  const method = body === undefined ? 'GET' : 'POST';
  const headers = { ...(body === undefined ? {} : { 'Content-Type': TYPE }), ...request.headers };
  const operations = body !== undefined && body.length > 100_000 ? 1 : 100;
  let calls = 0;
  return [
    { name: `floor of sign ${step}`, run: () => floorOfSign(body ?? null) },
    { name: `floor of verify ${step}`, run: () => floorOfVerify(body ?? null) },
    { name: `sign ${step}`, run: () => signers[0].sign({ method, url, headers, body }) },
    {
      name: `verify ${step}`,
      prepare: () => viewOf(signers[calls++ % signers.length], { ...request, body }),
      run: (view) => verifier.verify(view),
      check: mustAccept,
    },
  ].map((kind) => ({ ...kind, operations }));
}

/** All steps of a series take turns, so that they compare. */
export async function growth({ rounds, told = () => {} }) {
  const rows = [];
  for (const [series, makeSteps] of Object.entries(SERIES)) {
    told(series);
    const steps = makeSteps();
    const kinds = steps.flatMap(([step, options]) => kindsOf(step, options));
    const figures = await inTurns(kinds, { rounds, turns: 10 });
    const of = (kind, step) => figures[`${kind} ${step}`];
    for (const [step] of steps) {
      rows.push({
        ...{ series, step },
        sign: median(of('sign', step)),
        verify: median(of('verify', step)),
        signRatio: ratioOf(of('sign', step), of('floor of sign', step)).median,
        verifyRatio: ratioOf(of('verify', step), of('floor of verify', step)).median,
      });
    }
  }
  return rows;
}
