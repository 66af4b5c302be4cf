import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClockCorrected, createSigner, signedFetch } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { protect } from '@countersign/server/node';
import { TEST_KEY, TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';

const HOUR = 3_600;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that signs its answers, whose clock is ahead by so many seconds; and the dates that it was sent. */
async function startAhead(
  seconds: number,
  answering: (verified: RequestListener) => RequestListener,
) {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const now = () => Date.now() + seconds * 1000;
  const verifier = createVerifier({
    ...{ keys: staticKeys([TEST_KEY_ENTRY]), nonces: memoryNonceStore({ start: 'fresh', now }) },
    ...{ hosts: [host], signResponses: true, now },
  });
  const offsets: number[] = [];
  const answer = answering(protect(verifier, (_, response) => response.end('done')));
  server.on('request', (request, response) => {
    const sent = Date.parse(String(request.headers.date));
    offsets.push(Math.round((sent - Date.now()) / HOUR / 1000) || 0); // not -0
    answer(request, response);
  });
  return { origin: `http://${host}`, offsets };
}

describe('a correction of the clock that is on trial', () => {
  it.each([0, -HOUR])(
    'is not for the origin that is redirected to, %i s ahead',
    async (seconds) => {
      const end = await startAhead(seconds, (verified) => verified);
      const start = await startAhead(HOUR, (verified) => {
        let asked = 0;
        return (request, response) => {
          // As of a proxy: what it answers by itself is not signed.
          if (asked++ === 0) verified(request, response);
          else response.writeHead(307, { Location: `${end.origin}/` }).end();
        };
      });
      const told: ClockCorrected[] = [];
      const call = signedFetch(createSigner(TEST_KEY), {
        origins: [start.origin, end.origin],
        onClockCorrected: (event) => told.push(event),
      });
      expect((await call(start.origin)).status).toBe(200);
      expect(start.offsets).toEqual([0, 1]);
      expect(end.offsets).toEqual(seconds === 0 ? [0] : [0, -1]);
      const kept = { origin: end.origin, offset: expect.closeTo(seconds, -1) };
      expect(told).toEqual(seconds === 0 ? [] : [kept]);
    },
  );
});
