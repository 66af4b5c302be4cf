// What signing and verifying cost as a ratio to the floor: one SHA-256 of the body and one HMAC over the string to sign.
// Ours and the floor take turns every few requests, so that what the machine does meanwhile reaches both.
import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';

const ROUNDS = 9;
const TURNS = 1_000;
const TURN = 20; // requests
const secret = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const credential = 'orders-service';
const target = '/v1/orders?limit=10&tag=a';
const url = `https://api.example.com${target}`;
const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(1024 - 11) }));
const type = { 'Content-Type': 'application/json' };
const key = createSecretKey(Buffer.from(secret.slice(4), 'base64url'));

const bodyDigest = () => `sha-256=:${hash('sha256', body, 'base64')}:`;
const text = (digest) =>
  `HMAC-256\n${credential}\nPOST\n${target}\ncontent-digest: ${digest}\ncontent-type: application/json\ndate: Wed, 01 Jan 2020 12:00:30 GMT\nhost: api.example.com\nx-nonce: 4fA9sGdR2l3n0QwErTy8uA\n`;
const expected = createHmac('sha256', key).update(text(bodyDigest())).digest();

const signer = createSigner({ credential, secret });
const verifier = createVerifier({
  keys: staticKeys([{ credential, secrets: [{ secret }] }]),
  nonces: memoryNonceStore({ start: 'fresh' }),
  hosts: ['api.example.com'],
});
const sign = () => signer.sign({ method: 'POST', url, headers: type, body });
// A parser makes new, flat strings for each request.
const offTheWire = (string) => Buffer.from(string, 'latin1').latin1Slice();
const signedView = () => {
  const pairs = { Host: 'api.example.com', 'Content-Length': `${body.length}`, ...type, ...sign() };
  const headers = Object.entries(pairs).flat().map(offTheWire);
  return { method: 'POST', target: offTheWire(target), headers, body };
};

let done = 0;
const work = {
  sign: () => (done += sign().Authorization.length),
  'floor of sign': () =>
    (done += createHmac('sha256', key).update(text(bodyDigest())).digest('base64').length),
  verify: async (view) => {
    if ((await verifier.verify(view)).verdict !== 'accepted') throw new Error('refused');
  },
  'floor of verify': () => {
    const mac = createHmac('sha256', key).update(text(bodyDigest())).digest();
    if (!timingSafeEqual(mac, expected)) throw new Error('differs');
  },
};

/** Nanoseconds of each kind of work, all of them taking turns. */
async function round() {
  const spent = { sign: 0n, 'floor of sign': 0n, verify: 0n, 'floor of verify': 0n };
  for (let turn = 0; turn < TURNS; turn++) {
    const views = Array.from({ length: TURN }, signedView);
    for (const [name, run] of Object.entries(work)) {
      const start = process.hrtime.bigint();
      if (name === 'verify') for (const view of views) await run(view);
      else for (let i = 0; i < TURN; i++) run();
      spent[name] += process.hrtime.bigint() - start;
    }
  }
  return Object.fromEntries(
    Object.entries(spent).map(([name, ns]) => [name, Number(ns) / (TURNS * TURN)]),
  );
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const µs = (values) => `${(median(values) / 1000).toFixed(2)} µs`;
await round(); // warms up
const rounds = [];
while (rounds.length < ROUNDS) rounds.push(await round());
for (const name of ['sign', 'verify']) {
  const ours = rounds.map((row) => row[name]);
  const floor = rounds.map((row) => row[`floor of ${name}`]);
  const ratios = ours.map((ns, i) => ns / floor[i]);
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  console.log(
    `${name}: ${µs(ours)}, floor ${µs(floor)}, ratio ${median(ratios).toFixed(2)} (${range})`,
  );
}
if (done === 0) throw new Error('nothing was computed');
