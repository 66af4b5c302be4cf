import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { checkContentDigest, isRefusalCode, REFUSAL_CODES } from '@countersign/core';
import { createForwardAuth } from '@countersign/gateway';
import { type MatrixAdapter, verdictMatrix } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { isDeclared, WITH_BODIES, WITHOUT_BODIES } from './forward-auth-differences.js';
import { listen, startProxy } from './forward-auth-rig.js';

/** Passes what a caller sends on to the proxy as it is, and gives back the status that the code of a refusal stands for. */
async function startRelay(proxy: number) {
  const sockets = new Set<Socket>();
  const relay = createServer((caller) => {
    const behind = connect(proxy, '127.0.0.1');
    const answer: Buffer[] = [];
    for (const socket of [caller, behind]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    caller.on('data', (bytes) => behind.write(bytes)).on('end', () => behind.end());
    caller.on('close', () => behind.destroy());
    behind.on('data', (bytes) => {
      answer.push(bytes);
      const text = Buffer.concat(answer).toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const code = /^x-countersign-code: (\w+)\r?$/im.exec(text.slice(0, end + 2))?.[1];
      caller.end(code !== undefined && isRefusalCode(code) ? refusal(code) : text, 'latin1');
    });
    behind.on('close', () => caller.end());
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (relay.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
}

function refusal(code: keyof typeof REFUSAL_CODES): string {
  const body = JSON.stringify({ code });
  const { status } = REFUSAL_CODES[code];
  return `HTTP/1.1 ${status} \r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** nginx with the recipe, and a service that compares bodies with the digest it is handed. */
function behindNginx(bodyCheck: 'upstream' | 'refuse', unmatched: string[]): MatrixAdapter {
  return {
    async start(verifier, handled) {
      const endpoint = await listen(createForwardAuth({ verifier, bodyCheck }));
      const service = await listen(async (request, response) => {
        const { method = '', url: target = '' } = request;
        const body = await buffer(request);
        const digest = request.headers['x-countersign-content-digest'] as string | undefined;
        const holds =
          digest === undefined ? body.length === 0 : checkContentDigest(digest, body) === undefined;
        if (!holds) unmatched.push(String(request.headers['x-nonce']));
        handled({ method, target, body });
        response.end();
      });
      return startRelay(
        await startProxy('nginx', { endpoint, service }, (recipe) =>
          recipe.replace(
            'listen 127',
            'client_header_timeout 2s;\n    client_body_timeout 2s;\n    listen 127',
          ),
        ),
      );
    },
  };
}

describe('verdict matrix, nginx', () => {
  it('gives the verdict of node:http, and leaves bodies to the service', async () => {
    const unmatched: string[] = [];
    const adapter = behindNginx('upstream', unmatched);
    const { faults, summary, differing } = await verdictMatrix({
      ...adapter,
      differs: WITH_BODIES,
    });
    console.log(`verdict matrix, nginx: ${summary}`);
    expect(faults.filter((fault) => !isDeclared(fault))).toEqual([]);
    const bodies = differing.filter(
      ({ expected, actual }) => expected === 'digest_mismatch' && actual === 'accepted',
    );
    expect(unmatched).toHaveLength(bodies.length);
  });

  it('gives the verdict of node:http, and takes no bodies', async () => {
    const unmatched: string[] = [];
    const adapter = behindNginx('refuse', unmatched);
    const { faults, summary } = await verdictMatrix({ ...adapter, differs: WITHOUT_BODIES });
    console.log(`verdict matrix, nginx without bodies: ${summary}`);
    expect(faults).toEqual([]);
    expect(unmatched).toEqual([]);
  });
});
