import type { AnyBody, DigestedBody, Signer } from '@countersign/client';
import { signedKy } from '@countersign/client/ky';
import ky, { type KyInstance } from 'ky';
import type { ClientOptions, ClientUnderTest } from './client-under-test.js';

/** A ky that makes a request anew after a fault of the connection or a 503, as often as that. */
export function retryingKy(
  extended: KyInstance,
  signer: Signer,
  { retries = 0, ...options }: ClientOptions,
): KyInstance {
  const retry = { limit: retries, methods: ['get', 'put'], backoffLimit: 1 };
  return extended.extend({ ...signedKy(signer, options), retry, timeout: false });
}

/** A client over one of the versions of ky. */
function kyClient(name: string, extended: KyInstance): ClientUnderTest {
  return {
    name,
    throwsRefusals: true,
    retries: true,
    make(signer, options) {
      const instance = retryingKy(extended, signer, options);
      return async (url, { method = 'GET', headers = {}, body } = {}) => {
        const given = body === undefined ? {} : { body: bodyOf(body) };
        const response = await instance(url, { method, headers, ...given });
        return { status: response.status, body: await response.text() };
      };
    },
  };
}

/** What a Request takes for a body. */
function bodyOf(body: AnyBody): BodyInit {
  return ((body as Partial<DigestedBody>).open?.() ?? body) as BodyInit;
}

/** The versions of ky by name; the newest needs Node 22. */
export const KY_VERSIONS: readonly (readonly [name: string, ky: KyInstance])[] = [
  ['ky', ky],
  ...(Number(process.versions.node.split('.')[0]) >= 22
    ? [['ky, newest', (await import('ky-newest')).default as unknown as KyInstance] as const]
    : []),
];

export const kyClients: readonly ClientUnderTest[] = KY_VERSIONS.map(([name, extended]) =>
  kyClient(name, extended),
);
