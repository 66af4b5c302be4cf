import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createSigner } from '@countersign/client';
import { type ClientOptions, runPython, runShell } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';
import { type Example, startExample } from './docs-example.js';
import { CREDENTIAL, SECRET } from './helpers.js';

const HOST = 'api.example.test';
const ORIGIN = `https://${HOST}`;
const BODY = '{"sku":"A-1","qty":2}';
const PAGES = readdirSync(join(ROOT, 'docs/servers')).map((name) => `docs/servers/${name}`);
const signer = createSigner({ credential: CREDENTIAL, secret: SECRET });

interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

function signed(method: 'GET' | 'POST', path: string, body?: string, origin = ORIGIN): Request {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const signature = signer.sign({ method, url: `${origin}${path}`, headers, body });
  return { method, path, headers: { ...headers, ...signature }, body };
}

/** The request with another signature. */
function forged(asked: Request): Request {
  const { Authorization = '' } = asked.headers;
  const turned = Authorization.replace(/Signature=(.)/, (_, first) =>
    first === 'A' ? 'Signature=B' : 'Signature=A',
  );
  expect(turned).not.toBe(Authorization);
  return { ...asked, headers: { ...asked.headers, Authorization: turned } };
}

describe('docs/servers', () => {
  it('has a page for node:http', () => {
    expect(PAGES).toContain('docs/servers/node.md');
  });
});

describe.each(PAGES)('%s', (page) => {
  const markdown = readFileSync(join(ROOT, page), 'utf8');
  let example: Example;
  beforeAll(async () => {
    example = await startExample(page);
  }, 120_000);
  afterAll(() => example?.close());

  /** Sends through nginx. */
  async function send({ method, path, headers, body }: Request, host = HOST) {
    const { nginx } = example;
    const asked = request(`${nginx.url}${path}`, {
      ...{ method, agent: false, ca: nginx.certificate.cert, servername: HOST },
      headers: { ...headers, Host: host },
    });
    asked.end(body);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      asked.once('error', reject).once('response', resolve);
    });
    const status = response.statusCode;
    const answer = await text(response);
    if (status !== 200 && !/json/.test(`${response.headers['content-type']}`)) {
      throw new Error(`${status} ${answer}: ${example.printed()}`);
    }
    return { status, answer: JSON.parse(answer) };
  }

  it('takes five minutes to read, and begins with what to install', () => {
    expect(markdown.split(/\s+/).length).toBeLessThan(800); // words
    expect(blocksOf(markdown)[0]?.text).toMatch(/^npm install @countersign\/server/);
  });

  describe.each([
    ['Python', runPython],
    ['openssl and curl', runShell],
  ])('called with %s', (_, runClient) => {
    const call = async (path: string, body?: string) => {
      const options: ClientOptions = {
        ...{ credential: CREDENTIAL, secret: SECRET },
        caFile: example.nginx.certificate.certFile,
        connect: `127.0.0.1:${example.nginx.port}`,
        ...(body === undefined ? {} : { body }),
      };
      const answer = await runClient(`${ORIGIN}${path}`, options);
      return { status: answer.status, answer: JSON.parse(answer.body) };
    };

    it('accepts a GET with a query', async () => {
      expect(await call('/v1/orders?limit=10')).toEqual({
        status: 200,
        answer: { credential: CREDENTIAL, target: '/v1/orders?limit=10', bytes: 0 },
      });
    });

    it('accepts a POST of JSON', async () => {
      expect(await call('/v1/orders', BODY)).toEqual({
        status: 200,
        answer: { credential: CREDENTIAL, target: '/v1/orders', bytes: BODY.length },
      });
    });
  });

  it('refuses a body that was altered', async () => {
    const asked = signed('POST', '/v1/orders', BODY);
    const altered = { ...asked, body: BODY.replace('2', '9') };
    expect(await send(altered)).toMatchObject({ status: 401, answer: { code: 'digest_mismatch' } });
  });

  it('refuses a query that was altered', async () => {
    const asked = { ...signed('GET', '/v1/orders?limit=10'), path: '/v1/orders?limit=99' };
    expect(await send(asked)).toMatchObject({
      status: 401,
      answer: { code: 'credential_rejected' },
    });
  });

  it('refuses the same request the second time', async () => {
    const asked = signed('POST', '/v1/orders', BODY);
    expect(await send(asked)).toMatchObject({ status: 200, answer: { credential: CREDENTIAL } });
    expect(await send(asked)).toMatchObject({ status: 401, answer: { code: 'nonce_replayed' } });
  });

  it('refuses what is not signed', async () => {
    const refused = { status: 401, answer: { code: 'authorization_missing' } };
    expect(await send({ method: 'GET', path: '/v1/orders', headers: {} })).toMatchObject(refused);
    const headers = { 'Content-Type': 'application/json' };
    const post: Request = { method: 'POST', path: '/v1/orders', headers, body: BODY };
    expect(await send(post)).toMatchObject(refused);
  });

  it('refuses what is signed for another host, whatever host it claims', async () => {
    const other = 'other.example.test';
    const asked = signed('GET', '/v1/orders', undefined, `https://${other}`);
    const refused = { answer: { code: 'host_not_allowed' } };
    expect(await send(asked, other)).toMatchObject(refused);
    const headers = { ...asked.headers, 'X-Forwarded-Host': HOST };
    expect(await send({ ...asked, headers }, other)).toMatchObject(refused);
    expect(await send(asked)).toMatchObject({ answer: { code: 'credential_rejected' } });
  });

  if (markdown.includes("'/public'"))
    it('lets anybody call /public, forgers aside', async () => {
      const anonymous = await send({ method: 'GET', path: '/public', headers: {} });
      expect(anonymous).toEqual({ status: 200, answer: { credential: null } });
      const asked = signed('GET', '/public');
      expect(await send(asked)).toEqual({ status: 200, answer: { credential: CREDENTIAL } });
      expect(await send(forged(signed('GET', '/public')))).toMatchObject({
        status: 401,
        answer: { code: 'credential_rejected' },
      });
    });

  if (markdown.includes('node:http2'))
    it('is called over HTTP/2', async () => {
      const session = connect(`https://127.0.0.1:${example.port}`, { ca: example.ca });
      try {
        const { method, path, headers, body } = signed('POST', '/v1/orders', BODY);
        const call = async () => {
          const stream = session.request({
            ...headers,
            ...{ ':method': method, ':path': path, ':authority': HOST },
          });
          stream.end(body);
          const status = new Promise((resolve, reject) => {
            stream.once('error', reject).once('response', (got) => resolve(got[':status']));
          });
          return { answer: JSON.parse(await text(stream)), status: await status };
        };
        expect(await call()).toEqual({
          status: 200,
          answer: { credential: CREDENTIAL, target: '/v1/orders', bytes: BODY.length },
        });
        expect(await call()).toMatchObject({ status: 401, answer: { code: 'nonce_replayed' } });
      } finally {
        session.close();
      }
    });
});
