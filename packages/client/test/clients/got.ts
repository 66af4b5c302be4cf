import type { AnyBody, DigestedBody, Signer } from '@countersign/client';
import { signedGot } from '@countersign/client/got';
import got, { type Got, type Method, type OptionsInit } from 'got';
import type { ClientOptions, ClientUnderTest } from './client-under-test.js';

type Body = NonNullable<OptionsInit['body']>;

/** A got that makes a request anew after a fault of the connection or a 503, as often as that. */
export function retryingGot(
  extended: Got,
  signer: Signer,
  { retries = 0, ...options }: ClientOptions,
): Got {
  return extended.extend(signedGot(signer, options), {
    retry: { limit: retries, methods: ['GET', 'PUT'], backoffLimit: 1 },
  });
}

/** A client over one of the versions of got. */
function gotClient(name: string, extended: Got): ClientUnderTest {
  return {
    name,
    throwsRefusals: true,
    retries: true,
    make(signer, options) {
      const instance = retryingGot(extended, signer, options);
      return async (url, { method = 'GET', headers = {}, body } = {}) => {
        const given = body === undefined ? {} : { body: await bodyOf(body) };
        const response = await instance(url, { method: method as Method, headers, ...given });
        return { status: response.statusCode, body: response.body };
      };
    },
  };
}

/** What got takes for a body: it knows neither ArrayBuffer nor Blob nor streams of the Web. */
async function bodyOf(body: AnyBody): Promise<Body> {
  if (body instanceof ArrayBuffer) return Buffer.from(body);
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof Blob) return Buffer.from(await body.arrayBuffer());
  return (body as Partial<DigestedBody>).open?.() ?? (body as Body);
}

/** The versions of got by name; the newest needs Node 22. */
export const GOT_VERSIONS: readonly (readonly [name: string, got: Got])[] = [
  ['got', got],
  ...(Number(process.versions.node.split('.')[0]) >= 22
    ? [['got, newest', (await import('got-newest')).default as unknown as Got] as const]
    : []),
];

export const gotClients: readonly ClientUnderTest[] = GOT_VERSIONS.map(([name, extended]) =>
  gotClient(name, extended),
);
