import { createSigner, type DigestedBody, type SignerOptions } from '@countersign/client';
import type { SignedDispatcherOptions, signedDispatcher } from '@countersign/client/undici';
import { TEST_KEY } from '@countersign/testkit';
import type * as Undici from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, vi } from 'vitest';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import type { Echo, TestServer } from './servers.js';

// undici 8 does not load in a Node older than 22.19.
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const loadsNewest = major > 22 || (major === 22 && minor >= 19);
const VERSIONS = loadsNewest ? ['undici', 'undici-newest'] : ['undici'];

/** A body of 50,000 bytes that are not all alike. */
export const WHOLE = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));

type Init = Omit<NonNullable<Parameters<typeof Undici.request>[1]>, 'body' | 'headers'> & {
  body?: unknown;
  headers?: unknown;
};

/** One version of undici, and what is tested with it. */
export class Kit {
  undici!: typeof Undici;
  signedDispatcher!: typeof signedDispatcher;
  /** In front of a server that signs its responses. */
  proxy!: FaultProxy;
  #agent!: Undici.Agent;

  async load(name: string): Promise<void> {
    vi.resetModules();
    vi.doMock('undici', () => import(name)); // under the name that its users have it by
    this.undici = (await import('undici')) as typeof Undici;
    ({ signedDispatcher: this.signedDispatcher } = await import('@countersign/client/undici'));
    this.#agent = new this.undici.Agent();
    let port = 0;
    this.proxy = await startFaultProxy(() => port, 'afterAll');
    port = await startServe(this.proxy.host, '--sign-responses');
  }

  end(): Promise<void> {
    return this.#agent.destroy();
  }

  readonly make = (
    origin: string,
    options: Partial<SignedDispatcherOptions> = {},
    signer: Partial<SignerOptions> = {},
  ): Undici.Dispatcher =>
    this.signedDispatcher(this.#agent, createSigner({ ...TEST_KEY, ...signer }), {
      origins: [origin],
      ...options,
    });

  /** A request, whose body may be of a kind that the types of undici do not know. */
  readonly ask = async (url: string, init: Init) => {
    const answer = await this.undici.request(url, init as Parameters<typeof Undici.request>[1]);
    return { ...answer, text: await answer.body.text() };
  };

  /** What the echo server saw of it. */
  readonly echoed = async (url: string, init: Init): Promise<Echo> => {
    const { statusCode, text } = await this.ask(url, init);
    expect([statusCode, text]).toEqual([200, expect.stringMatching(/^\{/)]);
    return JSON.parse(text) as Echo;
  };

  /** The nonces that the proxy saw. */
  readonly sent = (): readonly string[] =>
    Buffer.concat(this.proxy.requests)
      .toString('latin1')
      .match(/(?<=^x-nonce: )\S+/gim) ?? [];
}

/** Runs the tests with each version of undici that this Node loads. */
export function eachUndici(what: string, tests: (kit: Kit) => void): void {
  describe.each(VERSIONS)(`${what} of %s`, (name) => {
    const kit = new Kit();
    beforeAll(() => kit.load(name));
    beforeEach(() => kit.proxy.clear());
    afterAll(() => kit.end());
    tests(kit);
  });
}

export const bytesOf = ({ body }: Echo): Buffer => Buffer.from(body, 'base64');
export const noncesOf = (server: TestServer): string[] => server.seen.map(({ nonce }) => nonce);

/** {@link WHOLE}, streamed. */
export async function digested(open: () => AsyncIterable<Uint8Array>): Promise<DigestedBody> {
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Uint8Array.from(WHOLE)));
  return { digest: `sha-256=:${digest.toString('base64')}:`, open };
}
