import { type SignedRequestView, Wire } from '@countersign/testkit';
import { beforeAll, beforeEach, expect } from 'vitest';
import {
  type ProxyName,
  type Reached,
  startEndpoint,
  startProxy,
  startService,
} from './forward-auth-rig.js';

/** The recipe of a proxy in front of an endpoint that lets signed bodies pass, and of one that takes none. */
export interface Proxied {
  /** Ports, known once the tests run. */
  readonly ports: { upstream: number; refusing: number; service: number };
  /** What reached the service in this test. */
  readonly reached: Reached[];
  /** What reached the service; or the status, and the code of a refusal. */
  ask(view: SignedRequestView | string, port?: number): Promise<Reached | string>;
}

/** Starts them for the tests of a `describe`. */
export function proxied(name: ProxyName): Proxied {
  const ports = { upstream: 0, refusing: 0, service: 0 };
  const reached: Reached[] = [];
  beforeAll(async () => {
    const service = await startService(reached);
    const endpoint = await startEndpoint({ bodyCheck: 'upstream' });
    ports.service = service.port;
    ports.upstream = await startProxy(name, { endpoint, service: service.port });
    const other = await startEndpoint();
    ports.refusing = await startProxy(name, { endpoint: other, service: service.port });
  }, 120_000);
  beforeEach(() => {
    reached.length = 0;
  });
  return {
    ports,
    reached,
    async ask(view, port = ports.upstream) {
      const wire = await Wire.open(port);
      try {
        const isText = typeof view === 'string';
        const { status, headers } = await wire.write(view).reply(isText ? 'GET' : view.method);
        if (status !== 200) {
          expect(reached).toEqual([]);
          return `${status} ${headers.get('x-countersign-code') ?? 'proxy'}`;
        }
        expect(reached).toHaveLength(1);
        return reached.splice(0)[0] as Reached;
      } finally {
        wire.socket.destroy();
      }
    },
  };
}
