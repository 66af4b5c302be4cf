import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { createSigner } from '@countersign/client';
import { fileBody, signedRequest } from '@countersign/client/node';
import { TEST_KEY } from '@countersign/testkit';
import { expect, it } from 'vitest';

const MIB = 2 ** 20;
// Reads what comes without keeping it, in a process of its own: its memory is not the client's.
const SINK = `
  import { createHash } from 'node:crypto';
  import { createServer } from 'node:http';
  const server = createServer(async (request, response) => {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of request) { hash.update(chunk); bytes += chunk.length; }
    const digest = 'sha-256=:' + hash.digest('base64') + ':';
    response.end(JSON.stringify({ bytes, holds: digest === request.headers['content-digest'] }));
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
`;

it('a file of 256 MiB is sent in less than 64 MiB', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-upload-'));
  const sinkFile = join(directory, 'sink.mjs');
  writeFileSync(sinkFile, SINK);
  const sink = fork(sinkFile, { execArgv: [] });
  try {
    const path = join(directory, 'large');
    const file = openSync(path, 'w');
    const piece = Buffer.alloc(MIB);
    for (let i = 0; i < 256; i++) writeSync(file, piece.fill(i));
    closeSync(file);
    const [port] = (await once(sink, 'message')) as [number];
    const origin = `http://127.0.0.1:${port}`;
    const call = signedRequest(createSigner(TEST_KEY), { origins: [origin] });
    await json(await call(origin, { method: 'PUT', body: 'first' })); // what is needed once is not counted

    const before = process.memoryUsage.rss();
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    const response = await call(origin, { method: 'PUT', body: await fileBody(path) });
    expect(await json(response)).toEqual({ bytes: 256 * MIB, holds: true });
    clearInterval(timer);
    expect((most - before) / MIB).toBeLessThan(64);
  } finally {
    sink.kill();
    rmSync(directory, { recursive: true });
  }
});
