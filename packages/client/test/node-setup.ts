import { createSigner, type SignerOptions } from '@countersign/client';
import {
  type SignedRequest,
  type SignedRequestOptions,
  signedRequest,
} from '@countersign/client/node';
import { TEST_KEY } from '@countersign/testkit';
import { beforeAll, beforeEach } from 'vitest';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import type { TestServer } from './servers.js';

/** A body of 200,000 bytes that are not all alike. */
export const WHOLE = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));

/** The same, streamed. */
export async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < WHOLE.length; at += 9_999) yield WHOLE.subarray(at, at + 9_999);
}

export const noncesOf = (server: TestServer): string[] => server.seen.map(({ nonce }) => nonce);

/** Calls one origin with the test key, unless said otherwise. */
export function make(
  origin: string,
  options: Partial<SignedRequestOptions> = {},
  signer: Partial<SignerOptions> = {},
): SignedRequest {
  const made = createSigner({ ...TEST_KEY, ...signer });
  return signedRequest(made, { origins: [origin], ...options });
}

/** In front of a server that signs its responses; there once the tests run. */
export function signingProxy(): { readonly proxy: FaultProxy; sent(): readonly string[] } {
  let proxy: FaultProxy;
  beforeAll(async () => {
    let port = 0;
    proxy = await startFaultProxy(() => port, 'afterAll');
    port = await startServe(proxy.host, '--sign-responses');
  });
  beforeEach(() => proxy.clear());
  return {
    get proxy() {
      return proxy;
    },
    /** The nonces that it saw. */
    sent: () =>
      Buffer.concat(proxy.requests)
        .toString('latin1')
        .match(/(?<=^x-nonce: )\S+/gim) ?? [],
  };
}
