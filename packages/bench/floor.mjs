// What signing and verifying cost as a ratio to the floor: one SHA-256 of the body and one HMAC over the string to sign.
// Floor and ours take turns in one process, so a change in the machine's speed reaches both.
import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';

const ROUNDS = 9;
const OPERATIONS = 20_000;
const BATCH = 20; // requests signed beforehand, few enough to stay in the cache as one that has just arrived does
const secret = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const credential = 'orders-service';
const url = 'https://api.example.com/v1/orders?limit=10&tag=a';
const target = '/v1/orders?limit=10&tag=a';
const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(1024 - 11) }));
const key = createSecretKey(Buffer.from(secret.slice(4), 'base64url'));
const type = { 'Content-Type': 'application/json' };

const signer = createSigner({ credential, secret });
const text = (digest) =>
  `HMAC-256\n${credential}\nPOST\n${target}\ncontent-digest: ${digest}\ncontent-type: application/json\ndate: Wed, 01 Jan 2020 12:00:30 GMT\nhost: api.example.com\nx-nonce: 4fA9sGdR2l3n0QwErTy8uA\n`;
const expected = createHmac('sha256', key)
  .update(text(`sha-256=:${hash('sha256', body, 'base64')}:`))
  .digest();

let sink = 0;
const floorSign = () => {
  const digest = `sha-256=:${hash('sha256', body, 'base64')}:`;
  sink += createHmac('sha256', key).update(text(digest)).digest('base64').length;
};
const floorVerify = () => {
  const digest = `sha-256=:${hash('sha256', body, 'base64')}:`;
  sink += timingSafeEqual(createHmac('sha256', key).update(text(digest)).digest(), expected)
    ? 1
    : 0;
};
const sign = () => {
  sink += signer.sign({ method: 'POST', url, headers: type, body }).Authorization.length;
};
// A parser makes new, flat strings for each request.
const offTheWire = (text) => Buffer.from(text, 'latin1').latin1Slice();
const signedView = () => {
  const headers = [
    'Host',
    'api.example.com',
    'Content-Length',
    String(body.length),
    'Content-Type',
    'application/json',
  ];
  for (const pair of Object.entries(signer.sign({ method: 'POST', url, headers: type, body })))
    headers.push(...pair);
  return { method: 'POST', target, headers, body };
};

const time = (run) => {
  const start = process.hrtime.bigint();
  for (let i = 0; i < OPERATIONS; i++) run();
  return Number(process.hrtime.bigint() - start) / OPERATIONS;
};
const timeVerify = async () => {
  const verifier = createVerifier({
    keys: staticKeys([{ credential, secrets: [{ secret }] }]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
  });
  let spent = 0n;
  for (let done = 0; done < OPERATIONS; done += BATCH) {
    const views = Array.from({ length: BATCH }, signedView);
    const start = process.hrtime.bigint();
    for (const view of views) {
      if ((await verifier.verify(view)).verdict !== 'accepted')
        throw new Error('an honest request was refused');
    }
    spent += process.hrtime.bigint() - start;
  }
  return Number(spent) / OPERATIONS;
};

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const rounds = [];
for (let round = 0; round < ROUNDS + 2; round++) {
  const row = {
    floorSign: time(floorSign),
    sign: time(sign),
    floorVerify: time(floorVerify),
    verify: await timeVerify(),
  };
  if (round >= 2) rounds.push(row); // the first two warm up
}
for (const [ours, floor] of [
  ['sign', 'floorSign'],
  ['verify', 'floorVerify'],
]) {
  const ratios = rounds.map((row) => row[ours] / row[floor]);
  console.log(
    `${ours.padEnd(6)} ${(median(rounds.map((row) => row[ours])) / 1000).toFixed(2)} µs, floor ${(median(rounds.map((row) => row[floor])) / 1000).toFixed(2)} µs, ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
  );
}
if (sink === 0) throw new Error('nothing was computed');
