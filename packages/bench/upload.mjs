// What memory a large upload takes: every adapter hands it on while it arrives, and holds one piece of it at a time.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createSigner } from '@countersign/client';
import { CALLER, HOST, startServer } from './server-process.mjs';

const FRAMEWORKS = ['node:http', 'Express', 'Fastify', 'Koa', 'Hono', 'Fetch'];
const MIB = 2 ** 20;
const WARM_UP = 64; // MiB
const ALTERED = 16; // MiB
const TARGET = 32; // MiB
const HELP = `Usage: node packages/bench/upload.mjs [options]

  --size <n>     MiB to upload, 1 to 2048 (default 1024)
  --only <name>  one framework: ${FRAMEWORKS.join(', ')}; may be repeated
  --json         print the figures as JSON
  --help         print this

Examples:
  node packages/bench/upload.mjs
  node packages/bench/upload.mjs --only Koa --only Fetch --size 256
  node packages/bench/upload.mjs --json > upload.json`;

const signer = createSigner(CALLER);
const path = '/upload';
const piece = randomBytes(64 * 1024);
const altered = Buffer.from(piece);
altered[altered.length - 1] ^= 1;

/** The body in pieces; it is nowhere as a whole. */
function* pieces(size, last = piece) {
  for (let sent = piece.length; sent < size; sent += piece.length) yield piece;
  yield last;
}

/** The Content-Digest of `pieces(size)`, computed by a pass of its own. */
function digestOf(size) {
  const hash = createHash('sha256');
  for (const each of pieces(size)) hash.update(each);
  return `sha-256=:${hash.digest('base64')}:`;
}

/** Uploads what is signed, or with another last byte. */
async function upload(port, { size, digest, last }) {
  const headers = { 'Content-Type': 'application/octet-stream' };
  const signature = signer.sign({ method: 'PUT', url: `http://${HOST}${path}`, headers, digest });
  const start = performance.now();
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    path,
    method: 'PUT',
    headers: { Host: HOST, ...headers, ...signature, 'Content-Length': size },
  });
  const answered = once(request, 'response');
  const sent = pipeline(Readable.from(pieces(size, last)), request);
  const [[response]] = await Promise.all([answered, sent]);
  const answer = JSON.parse(Buffer.concat(await response.toArray()).toString());
  return { status: response.statusCode, answer, seconds: (performance.now() - start) / 1000 };
}

/** Uploads, and insists that all of it arrives. */
async function uploadWhole(port, size, digest = digestOf(size)) {
  const { status, answer, seconds } = await upload(port, { size, digest });
  if (status !== 200 || answer.bytes !== size) {
    throw new Error(`answered ${status} ${JSON.stringify(answer)} to ${size} bytes`);
  }
  return seconds;
}

async function refusesAltered(port) {
  const size = ALTERED * MIB;
  const { status, answer } = await upload(port, { size, digest: digestOf(size), last: altered });
  if (status === 200 || answer.code !== 'digest_mismatch' || answer.bytes >= size) {
    throw new Error(`answered ${status} ${JSON.stringify(answer)} to an altered last byte`);
  }
}

/** What one server does, with its adapter or bare; in MiB and seconds. */
async function measure(framework, variant, { size, digest }) {
  const server = await startServer('upload-servers.mjs', [framework, variant], ['--expose-gc']);
  try {
    const { port } = server;
    await uploadWhole(port, WARM_UP * MIB);
    const { baseline } = await server.ask('watchResident');
    const seconds = await uploadWhole(port, size, digest);
    const { growth } = await server.ask('growth');
    await server.ask('watchHeld');
    await uploadWhole(port, size, digest);
    const { growth: held } = await server.ask('growth');
    if (variant === 'adapter') await refusesAltered(port);
    return { baseline: baseline / MIB, growth: growth / MIB, held: held / MIB, seconds };
  } catch (error) {
    throw new Error(`${framework}, ${variant}: ${error.message}`, { cause: error });
  } finally {
    await server.end();
  }
}

function table(rows, size) {
  const head = ['framework', 'MiB before', 'growth, MiB', 'growth bare, MiB'];
  head.push('held, MiB', 'held bare, MiB', 'seconds', 'seconds bare', 'MB/s', 'altered last byte');
  const cells = rows.map(({ framework, adapter, bare }) => [
    framework,
    adapter.baseline.toFixed(0),
    adapter.growth.toFixed(1),
    bare.growth.toFixed(1),
    adapter.held.toFixed(1),
    bare.held.toFixed(1),
    adapter.seconds.toFixed(2),
    bare.seconds.toFixed(2),
    (size / 1e6 / adapter.seconds).toFixed(0),
    'refused', // or there would be no table
  ]);
  const line = (values) => `| ${values.join(' | ')} |`;
  const ruler = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, ruler, ...cells].map(line).join('\n');
}

/** The options, checked. */
function optionsOf(args) {
  const { values } = parseArgs({
    args,
    options: {
      size: { type: 'string', default: '1024' },
      only: { type: 'string', multiple: true, default: FRAMEWORKS },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const frameworks = values.only.map((name) => {
    const known = FRAMEWORKS.find((each) => each.toLowerCase() === name.toLowerCase());
    if (known === undefined) throw new Error(`--only: expected one of ${FRAMEWORKS.join(', ')}`);
    return known;
  });
  const size = Number(values.size);
  if (!Number.isInteger(size) || size < 1 || size > 2048) {
    throw new Error('--size: expected a number of MiB, 1 to 2048');
  }
  return { ...values, frameworks, size: size * MIB };
}

async function main() {
  const { frameworks, size, json, help } = optionsOf(process.argv.slice(2));
  if (help) {
    console.log(HELP);
    return;
  }
  const digest = digestOf(size);
  const rows = [];
  for (const framework of frameworks) {
    const row = { framework };
    for (const variant of ['bare', 'adapter']) {
      row[variant] = await measure(framework, variant, { size, digest });
      const { growth, held, seconds } = row[variant];
      const figures = `${growth.toFixed(1)} MiB more, ${held.toFixed(1)} held, ${seconds.toFixed(2)} s`;
      console.error(`${framework}, ${variant}: ${figures}`);
    }
    rows.push(row);
  }
  console.log(json ? JSON.stringify(rows, null, 2) : table(rows, size));
  for (const { framework, adapter } of rows) {
    if (adapter.growth >= TARGET) console.error(`${framework}: grew by ${TARGET} MiB or more`);
  }
}

await main().catch((error) => {
  console.error(`upload: ${error.message}`);
  process.exit(1);
});
