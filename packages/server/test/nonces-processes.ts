import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestView } from '@countersign/server';
import { type SignedRequestOptions, signedRequest, TEST_KEY } from '@countersign/testkit';
import ts from 'typescript';
import { afterAll, expect } from 'vitest';
import type { ClaimerOptions, Counts, Order } from './nonces-claimer.js';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

const directory = mkdtempSync(join(PACKAGE, 'node_modules', '.claimers-'));
let script: string | undefined;
afterAll(() => rmSync(directory, { recursive: true }));

/** Processes, each with a verifier. */
export interface Claimers {
  /** Has each of them verify the same, all at the same time, and gives what each answered. */
  verify(order: Order): Promise<readonly Counts[]>;
  /** Kills them. */
  close(): void;
}

/** A new request that the verifiers know the key of. */
export const newRequest = (options: SignedRequestOptions = {}): RequestView => {
  const { method, target, headers } = signedRequest(options);
  return { method, target, headers };
};

/** Starts processes of `nonces-claimer.ts`, compiled from the sources, where they find what the package depends on. */
export async function startClaimers(
  count: number,
  options: Omit<ClaimerOptions, 'key'>,
): Promise<Claimers> {
  const children: ChildProcess[] = [];
  const close = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  try {
    script ??= compiled();
    const args = [JSON.stringify({ ...options, key: TEST_KEY })];
    for (let i = 0; i < count; i++) children.push(fork(script, args, { execArgv: [] }));
    await Promise.all(children.map((child) => answer(child)));
  } catch (error) {
    close();
    throw error;
  }
  return {
    verify: (order) =>
      Promise.all(
        children.map(async (child) => {
          if (!child.connected) throw new Error('a claimer has ended');
          child.send(order, () => {}); // if it ends just then, that is told
          return answer<Counts>(child);
        }),
      ),
    close,
  };
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController();
  const { signal } = ended;
  const failed = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a claimer ended with ${code}`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), failed]);
    return message as T;
  } finally {
    failed.catch(() => {});
    ended.abort();
  }
}

/** Writes the script and the sources of the package as JavaScript, in the same folders, and gives its path. */
function compiled(): string {
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const sources = readdirSync(join(PACKAGE, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `src/${name}`);
  const main = 'test/nonces-claimer.ts';
  for (const file of [main, ...sources]) {
    const target = join(directory, file.replace(/ts$/, 'js'));
    mkdirSync(dirname(target), { recursive: true });
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const text = readFileSync(join(PACKAGE, file), 'utf8');
    writeFileSync(target, ts.transpileModule(text, { compilerOptions }).outputText);
  }
  return join(directory, main.replace(/ts$/, 'js'));
}

/** All the verdicts of one round. */
export function sum(counts: readonly Counts[]): Counts {
  const total = { accepted: 0, replayed: 0, unavailable: 0, other: 0 };
  for (const each of counts) {
    total.accepted += each.accepted;
    total.replayed += each.replayed;
    total.unavailable += each.unavailable;
    total.other += each.other;
  }
  return total;
}

const COPIES = 200;
const PROCESSES = 3;

/** Of 200 copies of a request in each of 3 processes exactly one is accepted, in each of 100 rounds. */
export async function expectOneOfMany(options: Omit<ClaimerOptions, 'key'>): Promise<void> {
  const claimers = await startClaimers(PROCESSES, options);
  try {
    for (let round = 0; round < 100; round++) {
      const counts = sum(await claimers.verify({ request: newRequest(), copies: COPIES }));
      const replayed = PROCESSES * COPIES - 1;
      expect([round, counts]).toEqual([round, { accepted: 1, replayed, unavailable: 0, other: 0 }]);
    }
  } finally {
    claimers.close();
  }
}

interface Stoppable {
  stop(signal: 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
}

/**
 * Sends new requests in many rounds while the server is killed and started again, and then all of them once more.
 *
 * @returns how often each was accepted
 */
export async function verifyThroughKills(
  claimers: Claimers,
  server: Stoppable,
  { rounds, kills }: { readonly rounds: number; readonly kills: number },
): Promise<readonly number[]> {
  const requests = Array.from({ length: rounds }, () => newRequest());
  const accepted = requests.map(() => 0);
  const send = async (round: number, copies: number) => {
    const request = requests[round] as RequestView;
    const total = sum(await claimers.verify({ request, copies }));
    accepted[round] = (accepted[round] as number) + total.accepted;
    return total;
  };
  const every = Math.floor(rounds / (kills + 1));
  for (let round = 0; round < rounds; round++) {
    const sent = send(round, 20);
    if (round % every === every - 1) {
      await server.stop('SIGKILL');
      await server.start();
    }
    await sent;
  }
  const deadline = performance.now() + 20_000;
  for (let round = 0; round < rounds; round++) {
    while ((await send(round, 1)).unavailable > 0) {
      if (performance.now() > deadline) throw new Error('the server does not come back');
    }
  }
  return accepted;
}
