import { createHash, createHmac } from 'node:crypto';
import {
  type ClientOptions,
  forwardTo,
  runPython,
  runShell,
  startNginx,
} from '@countersign/test-servers';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Seen, startBackend } from './backend.js';

const KEY = Buffer.alloc(33, 0xfb);
const CREDENTIAL = 'orders-service';
const OPTIONS = { credential: CREDENTIAL, secret: `csk_${KEY.toString('base64url')}` };
const clients = { 'client.py': runPython, 'client.sh': runShell };

let backend: number;
beforeAll(async () => {
  backend = await startBackend();
});

/** What the fields that arrived must have been signed as. */
function expected({ method, headers }: Seen, target: string): string {
  const [, names = ''] = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
  const lines = names.split(';').map((name) => `${name}: ${headers[name]}`);
  const string = ['HMAC-256', CREDENTIAL, method, target, ...lines, ''].join('\n');
  const signature = createHmac('sha256', KEY).update(string).digest('base64');
  return `HMAC-256 Credential=${CREDENTIAL},SignedHeaders=${names},Signature=${signature}`;
}

describe.each(Object.entries(clients))('%s', (_name, runClient) => {
  const send = async (target: string, options: Partial<ClientOptions> = {}): Promise<Seen> => {
    const url = `http://127.0.0.1:${backend}${target}`;
    const { status, body } = await runClient(url, { ...OPTIONS, ...options });
    expect(status).toBe(200);
    return JSON.parse(body);
  };

  it('signs a GET with its query sorted, and sends it as given', async () => {
    const seen = await send('/v1/orders?limit=10&cursor=b&cursor=a');
    expect(seen).toMatchObject({ method: 'GET', target: '/v1/orders?limit=10&cursor=b&cursor=a' });
    expect(seen.headers.authorization).toBe(
      expected(seen, '/v1/orders?cursor=b&cursor=a&limit=10'),
    );
    expect(seen.headers.authorization).toContain('SignedHeaders=date;host;x-nonce,');
  });

  it.each(['{"sku":"A-1","qty":2}', '"Zürich\\n\'"', '@file'])(
    'signs a POST of %s',
    async (body) => {
      const seen = await send('/v1/orders', { body });
      expect(Buffer.from(seen.body, 'latin1').toString()).toBe(body);
      expect(seen).toMatchObject({ method: 'POST' });
      expect(seen.headers.authorization).toBe(expected(seen, '/v1/orders'));
      const digest = createHash('sha256').update(body).digest('base64');
      expect(seen.headers).toMatchObject({
        'content-digest': `sha-256=:${digest}:`,
        'content-type': 'application/json',
      });
    },
  );

  it('reaches a name over TLS at another address, and signs the name', async () => {
    const nginx = await startNginx({ server: forwardTo(backend) });
    try {
      const { status, body } = await runClient('https://api.example.test:443/v1/orders', {
        ...OPTIONS,
        caFile: nginx.certificate.certFile,
        connect: `127.0.0.1:${nginx.port}`,
      });
      expect(status).toBe(200);
      const { headers, ...seen } = JSON.parse(body) as Seen;
      const host = headers['x-forwarded-host']?.replace(/:443$/, '') as string;
      expect(host).toBe('api.example.test');
      expect(headers.authorization).toBe(
        expected({ ...seen, headers: { ...headers, host } }, '/v1/orders'),
      );
      await expect(
        runClient('https://api.example.test/', { ...OPTIONS, connect: `127.0.0.1:${nginx.port}` }),
      ).rejects.toThrow(/certificate/);
    } finally {
      await nginx.close();
    }
  }, 60_000);
});
