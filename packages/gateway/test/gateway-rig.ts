import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_KEY } from '@countersign/testkit';
import { onTestFinished } from 'vitest';
import { type Gateway, startGateway } from '../src/gateway.js';

/** A folder that goes with the test, with a key file in it. */
export function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-gateway-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeKeys(directory);
  return directory;
}

export function writeKeys(directory: string, more: object = { group: 'partners' }): void {
  const { credential, secret } = TEST_KEY;
  const keys = [{ credential, secrets: [{ secret }], ...more }];
  writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys }));
}

export interface Tried {
  readonly gateway: Gateway;
  readonly directory: string;
  /** What the gateway said of itself. */
  readonly said: string[];
  readonly port: (name: string) => number;
  write(config: object): void;
}

/** A gateway of this configuration, with keys, nonces and hosts unless it says otherwise. */
export async function gatewayOf(config: object, watch = false): Promise<Tried> {
  const directory = folder();
  const path = join(directory, 'gateway.yaml');
  const whole = (some: object) => ({
    hosts: ['api.example.com'],
    keys: { file: 'keys.json' },
    nonces: { memory: { start: 'fresh' } },
    audit: { to: join(directory, 'audit.log') },
    drain: 2,
    ...some,
  });
  const write = (some: object) => writeFileSync(path, JSON.stringify(whole(some)));
  write(config);
  const said: string[] = [];
  const gateway = await startGateway({
    config: path,
    env: { SECRET: TEST_KEY.secret },
    watch,
    said: { write: (line) => void said.push(line) },
  });
  onTestFinished(() => gateway.close());
  const port = (name: string) => Number(gateway.addresses[name]?.split(':').at(-1));
  return { gateway, directory, said, port, write };
}
