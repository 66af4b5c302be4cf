import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { protect } from '@countersign/server/node';
import { TEST_KEY, TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterEach, expect, it } from 'vitest';

const SIZE = 2 ** 20;
// As a list of pieces these bytes would take some 250 MiB.
const MOST = 64 * 2 ** 20;

const server = createServer();
afterEach(() => server.close());

it('a body in pieces of one byte costs little more than its bytes', async () => {
  let most = 0;
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['a.example'],
    bodyTimeout: 60_000,
  });
  server.on(
    'request',
    protect(verifier, (_, response, { body }) => {
      clearInterval(watch);
      response.end(`${body.length}`);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const body = Buffer.alloc(SIZE, 'x');
  const signed = createSigner(TEST_KEY).sign({ method: 'POST', url: 'http://a.example/', body });
  const fields = Object.entries({ Host: 'a.example', 'Transfer-Encoding': 'chunked', ...signed });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const held = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = held();
  const watch = setInterval(() => {
    most = Math.max(most, held() - before);
  }, 5);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const answer = new Promise<string>((resolve) =>
    socket.once('data', (data) => resolve(`${data}`)),
  );
  socket.write(`POST / HTTP/1.1\r\n${head}\r\n`);
  const chunks = Buffer.from('1\r\nx\r\n'.repeat(1024));
  for (let sent = 0; sent < SIZE; sent += 1024) {
    if (!socket.write(chunks)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  socket.write('0\r\n\r\n');
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n(?:7\r\n)?1048576/);
  socket.destroy();
  expect(most).toBeLessThan(MOST);
}, 60_000);
