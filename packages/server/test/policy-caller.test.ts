import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connect2, createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { createVerifier, memoryNonceStore } from '@countersign/server';
import { protect } from '@countersign/server/node';
import { createPolicy } from '@countersign/server/policy';
import { selfSignedCertificate } from '@countersign/test-servers';
import { signedRequest, toHttp1 } from '@countersign/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { everything, keys, outcome } from './policy-rig.js';
import { startRig } from './wire.js';

describe('addresses', () => {
  it('are those of the connection', async () => {
    const local = { allowAddresses: ['127.0.0.0/8'] };
    expect(await outcome(await startRig(everything(local)))).toBe(200);
    const rig = await startRig(everything({ allowAddresses: ['192.0.2.0/24'] }));
    const claims = { 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=192.0.2.1' };
    expect(await outcome(rig, { headers: claims })).toBe('address_not_allowed');
    const denied = await startRig(everything({ denyAddresses: ['127.0.0.1'] }));
    expect(await outcome(denied)).toBe('address_not_allowed');
  });

  it('are those that a trusted proxy tells', async () => {
    const rules = everything({ allowAddresses: ['192.0.2.0/24'] });
    const rig = await startRig({ ...rules, trustedProxies: ['127.0.0.1'] });
    const from = (address: string) => outcome(rig, { headers: { 'X-Forwarded-For': address } });
    expect(await from('192.0.2.1')).toBe(200);
    expect(await from('::ffff:192.0.2.1')).toBe(200);
    for (const address of ['198.51.100.1', '2001:db8::1', 'unknown', '192.0.2.1, 198.51.100.1']) {
      expect(await from(address), address).toBe('address_not_allowed');
    }
  });
});

describe('HTTPS', () => {
  const only = everything({ https: true });

  it('is not what a caller says it is', async () => {
    const rig = await startRig(only);
    expect(await outcome(rig)).toBe('permission_denied');
    const claims = { 'X-Forwarded-Proto': 'https', Forwarded: 'proto=https' };
    expect(await outcome(rig, { headers: claims })).toBe('permission_denied');
  });

  it('is what a trusted proxy says of every hop', async () => {
    const rig = await startRig({ ...only, trustedProxies: ['127.0.0.1'] });
    const by = (headers: Record<string, string>) => outcome(rig, { headers });
    for (const headers of [
      { 'X-Forwarded-Proto': 'https' },
      { 'X-Forwarded-Proto': 'HTTPS, https' },
      { Forwarded: 'for=192.0.2.1;proto=https' },
      { 'X-Forwarded-Proto': 'https', Forwarded: 'proto=https, for=10.0.0.1;proto=https' },
      { 'X-Forwarded-Proto': 'https', Forwarded: 'for=192.0.2.1' },
    ]) {
      expect(await by(headers), JSON.stringify(headers)).toBe(200);
    }
    for (const headers of [
      {},
      { 'X-Forwarded-Proto': 'http' },
      { 'X-Forwarded-Proto': '' },
      { 'X-Forwarded-Proto': 'https,' },
      { 'X-Forwarded-Proto': 'https, http' },
      { 'X-Forwarded-Proto': 'http, https' },
      { 'X-Forwarded-Proto': 'https', Forwarded: 'proto=http' },
      { 'X-Forwarded-Proto': 'https', Forwarded: 'proto=' },
      { Forwarded: 'for=192.0.2.1' },
      { Forwarded: 'proto=https, for=192.0.2.1' },
    ]) {
      expect(await by(headers), JSON.stringify(headers)).toBe('permission_denied');
    }
  });

  it('is an encrypted connection, of either version of HTTP', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-policy-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const { cert, keyFile } = await selfSignedCertificate(directory);
    const key = await readFile(keyFile);
    const verifier = createVerifier({
      ...{ keys, nonces: memoryNonceStore({ start: 'fresh' }), hosts: ['api.example.com'] },
      policy: createPolicy({ routes: ['* /**'], https: true }),
    });
    const server = createServer(
      { cert, key },
      protect(verifier, (_, response) => response.end()),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const socket = connectTls({ port, ca: cert, servername: 'localhost' });
    const view = signedRequest({ headers: { Connection: 'close' } });
    socket.end(toHttp1(view));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);

    const second = createSecureServer(
      { cert, key },
      protect(verifier, (_, response) => void response.end()) as never,
    );
    await once(second.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void second.close());
    const session = connect2(`https://127.0.0.1:${(second.address() as AddressInfo).port}`, {
      ...{ ca: cert, servername: 'localhost' },
    });
    onTestFinished(() => session.destroy());
    const { headers } = signedRequest();
    const fields: Record<string, string> = { ':path': '/', ':authority': 'api.example.com' };
    for (let i = 2; i < headers.length; i += 2) {
      fields[(headers[i] as string).toLowerCase()] = headers[i + 1] as string;
    }
    const [answer] = await once(session.request(fields), 'response');
    expect(answer[':status']).toBe(200);
  });
});
