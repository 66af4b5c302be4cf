import { once } from 'node:events';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { headerOf, type SignedRequestView, signedRequest } from '@countersign/testkit';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ProxyName,
  type Reached,
  startEndpoint,
  startProxy,
  startService,
} from './forward-auth-rig.js';

/** What a recipe needs to speak HTTP/2 without TLS, so that a client need not negotiate. */
const HTTP2: Readonly<Record<ProxyName, (recipe: string) => string>> = {
  nginx: (recipe) => recipe.replace(/listen 127\.0\.0\.1:\d+/, '$& http2'),
  Caddy: (recipe) => recipe.replace('servers {', 'servers {\nprotocols h1 h2c'),
  HAProxy: (recipe) => recipe, // takes it from whoever begins with it
};

describe.each<ProxyName>(['nginx', 'Caddy', 'HAProxy'])('%s over HTTP/2', (name) => {
  let reached: Reached[];
  let port: number;
  beforeAll(async () => {
    const service = await startService();
    ({ reached } = service);
    const endpoint = await startEndpoint({ bodyCheck: 'upstream' });
    port = await startProxy(name, { endpoint, service: service.port }, HTTP2[name]);
  }, 120_000);
  beforeEach(() => {
    reached.length = 0;
  });

  /** Sends, and says a body's length only where told so. */
  async function ask(view: SignedRequestView, body?: string, length?: number): Promise<string> {
    const session = connect(`http://127.0.0.1:${port}`);
    const fields = Object.fromEntries(
      view.headers.flatMap((field, i) =>
        i % 2 === 0 && !/^(host|content-length)$/i.test(field)
          ? [[field.toLowerCase(), view.headers[i + 1]]]
          : [],
      ),
    );
    const { method, target } = view;
    const stream = session.request(
      {
        ...{ ':method': method, ':path': target, ':authority': headerOf(view, 'host') },
        ...fields,
        ...(length === undefined ? {} : { 'content-length': String(length) }),
      },
      { endStream: body === undefined },
    );
    try {
      if (body !== undefined) stream.end(body);
      const [headers] = await once(stream, 'response');
      await text(stream);
      return `${headers[':status']} ${headers['x-countersign-code'] ?? ''}`.trim();
    } finally {
      session.destroy();
    }
  }

  it('attaches no body to a captured request without one', async () => {
    for (const method of ['GET', 'DELETE']) {
      for (const length of [undefined, 5]) {
        const view = signedRequest({ method });
        expect(await ask(view, 'hello', length)).toMatch(/^(401 digest_missing|411)$/);
      }
    }
    expect(reached).toEqual([]);
  });

  it('attaches none that is longer than it says', async () => {
    for (const method of ['GET', 'DELETE']) {
      const answer = await ask(signedRequest({ method }), 'hello', 0).catch(() => 'reset');
      expect(answer).toMatch(/^(reset|200|400)$/);
    }
    expect(await ask(signedRequest(), undefined, 0)).toBe('200');
    expect(reached.filter(({ body }) => body !== '')).toEqual([]);
  });

  it('lets a signed body pass with its length', async () => {
    const view = signedRequest({ method: 'POST', body: 'hello' });
    expect(await ask(view, 'hello', 5)).toBe('200');
    const seen = reached.find(({ method }) => method === 'POST');
    expect(seen).toMatchObject({ body: 'hello' });
    expect(seen?.headers['x-countersign-content-digest']).toBe(headerOf(view, 'content-digest'));
  });

  it('lets a request without a body pass, if need be with a length of 0', async () => {
    expect(await ask(signedRequest(), undefined, 0)).toBe('200');
    expect(await ask(signedRequest())).toBe(name === 'Caddy' ? '200' : '401 digest_missing');
  });
});
