import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, createSecureServer } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { selfSignedCertificate } from '@countersign/test-servers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Runtime } from '../src/runtime/runtime.js';
import { serversOf } from '../src/servers.js';
import { endSilentSessions } from '../src/silent-sessions.js';
import { folder } from './gateway-rig.js';

const SILENCE = 300;

async function certificate() {
  const { certFile, keyFile } = await selfSignedCertificate(folder());
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

async function connected(server: Server, settings = {}): Promise<ClientHttp2Session> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const at = `https://127.0.0.1:${port}`;
  const session = connect(at, { rejectUnauthorized: false, settings });
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  session.on('error', () => {});
  await once(session, 'connect');
  return session;
}

describe('a session of HTTP/2', () => {
  async function opened(settings = {}): Promise<ClientHttp2Session> {
    const server = createSecureServer(await certificate());
    server.on('request', (_, response) => response.end(Buffer.alloc(100_000)));
    endSilentSessions(server, () => SILENCE);
    return connected(server, settings);
  }

  it('that asks for nothing is ended', async () => {
    const session = await opened();
    await once(session, 'close');
  });

  it('that takes no answer is ended', async () => {
    const session = await opened({ initialWindowSize: 0 });
    session.request().on('error', () => {});
    await once(session, 'close');
  });

  it('that asks stays', async () => {
    const session = await opened();
    for (let i = 0; i < 8; i++) {
      await once(session.request().resume(), 'end');
      await setTimeout(SILENCE / 3);
    }
    expect(session.destroyed).toBe(false);
  });
});

it.each([
  [{}, 300_000],
  [{ bodyTimeout: 400_000 }, 430_000],
  [{ stream: { routes: [] } }, 630_000],
  [{ upstream: { origins: [], timeout: 500_000 } }, 530_000],
])('the proxy ends none that is silent as its configuration allows: %j', async (more, most) => {
  const proxy = { listen: '', upstream: '', ...more };
  const runtime = { config: { proxy }, certificate: await certificate() } as unknown as Runtime;
  const current = () => runtime;
  const parts = { current, registry: () => undefined, stopping: () => false };
  const server = serversOf(runtime, parts).get('proxy')?.create() as Server;
  const [[session]] = await Promise.all([once(server, 'session'), connected(server)]);
  expect(session.timeout).toBe(most);
});
