// The main job, on real parts: a client signs a call, a server verifies it, and everything else is refused.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters, styleText } from 'node:util';
import { createSigner } from '@countersign/client';
import { createVerifier, keyFile, memoryNonceStore } from '@countersign/server';
import { protect } from '@countersign/server/node';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const color = process.stdout.isTTY && !process.env.NO_COLOR;
const show = (style, text) => {
  const styled = styleText(style, text);
  return color ? styled : stripVTControlCharacters(styled);
};

/** The bytes of a request, as a client would put them on the wire. */
function bytesOf({ method, target, host, headers, body }) {
  const fields = { Host: host, 'Content-Length': Buffer.byteLength(body), ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}Connection: close\r\n\r\n${body}`;
}

// Longer (ms) than any step takes; a step that hangs is a step that failed.
const DEADLINE = 10_000;

/** Sends bytes as they are and reads the answer. */
async function send(port, bytes) {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(DEADLINE, () => socket.destroy(new Error('no answer came')));
  socket.write(bytes);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  const [head, body] = answer.split('\r\n\r\n');
  const { code } = JSON.parse(body);
  return { status: head.split(' ')[1], code: code ?? 'accepted' };
}

/** The code of what `countersign curl` got; what it says itself if it got nothing. */
async function curl(env, { url, body }) {
  const args = [cli, 'curl', '-s', '-w', ' %{http_code}', url, '--json', body];
  try {
    const { stdout } = await run(process.execPath, args, { env, timeout: DEADLINE });
    const [, answer, status] = /^(.*) ([0-9]{3})$/s.exec(stdout);
    return { status, code: JSON.parse(answer).code ?? 'accepted' };
  } catch (error) {
    console.error(error.stderr?.trim() || error.message);
    return { status: '---', code: 'no answer' };
  }
}

let failed = 0;
function report(step, what, { status, code }, expected) {
  const right = code === expected;
  if (!right) failed++;
  const mark = right ? show('green', 'as it should be') : show('red', `expected ${expected}`);
  console.log(`${step}. ${what.padEnd(46)} ${status} ${show('bold', code.padEnd(16))} ${mark}`);
}

/** A service that knows nothing of signatures, and the gateway in front of it. */
async function gatewayInFront(directory, keys, env) {
  const seen = [];
  const plain = createServer((request, response) => {
    seen.push(request.headers['x-countersign-credential']);
    response.end(JSON.stringify({ caller: seen.at(-1) }));
  }).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const upstream = `http://127.0.0.1:${plain.address().port}`;
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  const args = [cli, 'gateway', '--upstream', upstream, '--keys', keys, '--listen', listen];
  const gateway = spawn(process.execPath, args, { cwd: directory, env });
  try {
    await listening(gateway);
    console.log('\nA service that verifies nothing, and the gateway in front of it:\n');
    const call = { url: `http://${listen}/v1/orders`, body: '{"sku":"A-1"}' };
    report(6, 'countersign curl, by way of the gateway', await curl(env, call), 'accepted');
    const unsigned = `POST /v1/orders HTTP/1.1\r\nHost: ${listen}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    report(7, 'An unsigned call', await send(port, unsigned), 'authorization_missing');
    console.log(`\nThat service was called ${seen.length} time, by ${seen.join()}.`);
    if (seen.join() !== 'orders-service') failed++;
  } finally {
    gateway.kill();
    plain.close();
    plain.closeAllConnections();
  }
}

/** A port that nobody listens on. */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Waits until the gateway says so. */
async function listening(gateway) {
  let said = '';
  for await (const piece of gateway.stderr.iterator({ destroyOnReturn: false })) {
    said += piece;
    if (said.includes('listening on')) return;
  }
  throw new Error(said);
}

const directory = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
const server = createServer();
try {
  console.log('A new key, for the service in keys.json and for the client in its environment.');
  const keys = join(directory, 'keys.json');
  const made = await run(process.execPath, [
    cli,
    'keygen',
    '--credential',
    'orders-service',
    '--json',
  ]);
  await writeFile(keys, made.stdout, { mode: 0o600 });
  const { secret } = JSON.parse(await readFile(keys, 'utf8')).keys[0].secrets[0];

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const host = `127.0.0.1:${port}`;
  const verifier = createVerifier({
    keys: keyFile(keys),
    nonces: memoryNonceStore(),
    hosts: [host],
    disclosure: 'full',
  });
  let handled = 0;
  server.on(
    'request',
    protect(verifier, (_request, response, { identity, body }) => {
      handled++;
      response.end(JSON.stringify({ credential: identity.credential, bodyBytes: body.length }));
    }),
  );
  console.log(
    `A service that verifies, on http://${host}. It refuses what is dated before its start.\n`,
  );
  await sleep(1000 - (Date.now() % 1000));

  const target = '/v1/orders?tag=new&limit=10';
  const call = {
    method: 'POST',
    url: `http://${host}${target}`,
    headers: { 'Content-Type': 'application/json' },
    body: '{"sku":"A-1","qty":2}',
  };
  const signed = (now) => {
    const signer = createSigner({ credential: 'orders-service', secret, now });
    const { headers, stringToSign } = signer.explain(call);
    const request = { ...call, target, host, headers: { ...call.headers, ...headers } };
    return { request, stringToSign };
  };

  const { request, stringToSign } = signed();
  console.log('The client signs this text:\n');
  console.log(show('dim', stringToSign.replace(/^/gm, '    ').trimEnd()), '\n');

  const bytes = bytesOf(request);
  report(1, 'The signed call', await send(port, bytes), 'accepted');
  report(2, 'The same bytes again', await send(port, bytes), 'nonce_replayed');

  const tampered = bytesOf({ ...signed().request, body: '{"sku":"A-1","qty":9}' });
  report(3, 'A call whose body was tampered with', await send(port, tampered), 'digest_mismatch');

  const stale = bytesOf(signed(() => Date.now() - 3_600_000).request);
  report(4, 'A call signed an hour ago', await send(port, stale), 'date_expired');

  const env = {
    ...process.env,
    COUNTERSIGN_CREDENTIAL: 'orders-service',
    COUNTERSIGN_SECRET: secret,
    COUNTERSIGN_ALGORITHM: 'HMAC-256', // that of the key, whatever was set before
  };
  report(5, 'countersign curl … --json', await curl(env, call), 'accepted');

  await gatewayInFront(directory, keys, env);

  console.log(
    `\nThe handler of the service ran ${handled} times, for the calls that were accepted.`,
  );
  if (handled !== 2) failed++;
  console.log('Next: the quick starts in README.md, or npx countersign --help');
} finally {
  server.close();
  server.closeAllConnections();
  await rm(directory, { recursive: true });
}
process.exitCode = failed === 0 ? 0 : 1;
