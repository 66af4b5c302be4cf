// What the gateway holds after many requests, and while bodies go through it that are longer than memory should be.
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { createSigner } from '@countersign/client';
import { CALLER, HOST, startServer } from '../../server-process.mjs';
import { sendAll } from '../http-load.mjs';
import { requestsFor } from '../load-requests.mjs';
import { slopeOf } from '../stores/slope.mjs';

const MIB = 1024 * 1024;
const BATCH = 20_000;
const signer = createSigner(CALLER);

async function withGateway(run) {
  const service = await startServer('lib/gateway/servers.mjs', ['service']);
  const gateway = await startServer(
    'lib/gateway/servers.mjs',
    ['gateway', `${service.port}`],
    ['--expose-gc'],
  );
  try {
    return await run(gateway);
  } finally {
    await gateway.end();
    await service.end();
  }
}

/** @returns bytes before, bytes after, and bytes a request by which the second half grew */
export function manyRequests({ count, told = () => {} }) {
  return withGateway(async (gateway) => {
    const samples = [];
    const before = await gateway.ask('rss');
    for (let done = 0; done < count; done += BATCH) {
      await sendAll(gateway.port, requestsFor('countersign', BATCH));
      samples.push({ minute: done + BATCH, kilobytes: await gateway.ask('live') });
      told(done + BATCH, count);
    }
    const half = samples.slice(samples.length >> 1);
    return { count, before, after: await gateway.ask('live'), slope: slopeOf(half) };
  });
}

/** @returns for each way, the bytes by which the gateway grew at most meanwhile */
export function longBodies({ bytes }) {
  return withGateway(async (gateway) => {
    const { port } = gateway;
    await sendAll(port, requestsFor('countersign', 2_000)); // warms up
    const grown = {};
    for (const [way, send] of Object.entries({
      'upload, spooled': () => upload(port, '/spooled', bytes),
      'upload, streamed': () => upload(port, '/stream/a', bytes),
      download: () => download(port, bytes),
    })) {
      const before = await gateway.ask('rss');
      let most = before;
      let sending = true;
      const watching = (async () => {
        while (sending) {
          most = Math.max(most, await gateway.ask('live'));
          await setTimeout(50);
        }
      })();
      const start = performance.now();
      await send();
      const seconds = (performance.now() - start) / 1000;
      sending = false;
      await watching;
      grown[way] = { grown: most - before, seconds };
    }
    return { bytes, grown };
  });
}

const PIECE = Buffer.alloc(MIB, 'countersign');

async function upload(port, path, bytes) {
  const hash = createHash('sha256');
  for (let left = bytes; left > 0; left -= PIECE.length) hash.update(PIECE);
  const digest = `sha-256=:${hash.digest('base64')}:`;
  const headers = signer.sign({ method: 'POST', url: `http://${HOST}${path}`, digest });
  const answered = ask(port, 'POST', path, { ...headers, 'Content-Length': bytes });
  for (let left = bytes; left > 0; left -= PIECE.length) {
    if (!answered.outgoing.write(PIECE)) {
      await new Promise((resolve) => answered.outgoing.once('drain', resolve));
    }
  }
  answered.outgoing.end();
  await answered.whole;
}

async function download(port, bytes) {
  const path = `/download/${bytes}`;
  const answered = ask(port, 'GET', path, signer.sign({ url: `http://${HOST}${path}` }));
  answered.outgoing.end();
  const got = await answered.whole;
  if (got !== bytes) throw new Error(`download: ${got} of ${bytes} bytes came`);
}

function ask(port, method, path, fields) {
  const headers = { Host: HOST, ...fields };
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers });
  const whole = new Promise((resolve, reject) => {
    outgoing.on('error', reject).on('response', (response) => {
      let size = 0;
      response.on('data', (piece) => {
        size += piece.length;
      });
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve(size);
        else reject(new Error(`${method} ${path}: answered ${response.statusCode}`));
      });
    });
  });
  return { outgoing, whole };
}
