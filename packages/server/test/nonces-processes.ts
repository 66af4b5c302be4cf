import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Counts, Order } from './nonces-claimer.js';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** Processes that share a store. */
export interface Claimers {
  /** Has each of them claim the same, all at the same time, and gives what each was told. */
  claim(order: Order): Promise<readonly Counts[]>;
  close(): void;
}

/**
 * Starts processes of `nonces-claimer.ts`, compiled from the sources, where they find what the package depends on.
 *
 * @param url - of the server; of a file, its path
 * @param deadline - of the stores, in milliseconds
 */
export async function startClaimers(
  count: number,
  kind: 'redis' | 'postgres' | 'sqlite',
  url: string,
  deadline: number,
): Promise<Claimers> {
  const directory = mkdtempSync(join(PACKAGE, 'node_modules', '.claimers-'));
  const children: ChildProcess[] = [];
  const close = () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const script = compiled(directory);
    for (let i = 0; i < count; i++) {
      children.push(fork(script, [kind, url, `${deadline}`], { execArgv: [] }));
    }
    await Promise.all(children.map((child) => answer(child)));
  } catch (error) {
    close();
    throw error;
  }
  return {
    claim: (order) =>
      Promise.all(
        children.map((child) => {
          child.send(order);
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

/** Writes what the script needs as JavaScript, in the same folders, and gives its path. */
function compiled(directory: string): string {
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const nonces = readdirSync(join(PACKAGE, 'src/nonces'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `src/nonces/${name}`);
  const script = 'test/nonces-claimer.ts';
  for (const file of ['src/options.ts', 'src/request-view.ts', script, ...nonces]) {
    const target = join(directory, file.replace(/ts$/, 'js'));
    mkdirSync(dirname(target), { recursive: true });
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const text = readFileSync(join(PACKAGE, file), 'utf8');
    writeFileSync(target, ts.transpileModule(text, { compilerOptions }).outputText);
  }
  return join(directory, script.replace(/ts$/, 'js'));
}

/** All the verdicts of one round. */
export function sum(counts: readonly Counts[]): Counts {
  const total = { fresh: 0, replayed: 0, unavailable: 0, full: 0 };
  for (const each of counts) {
    total.fresh += each.fresh;
    total.replayed += each.replayed;
    total.unavailable += each.unavailable;
    total.full += each.full;
  }
  return total;
}

interface Stoppable {
  stop(signal: 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
}

/**
 * Claims new pairs in many rounds while the server is killed and started again, and then all of them once more.
 *
 * @returns how often each pair was fresh
 */
export async function claimThroughKills(
  claimers: Claimers,
  server: Stoppable,
  { rounds, kills }: { readonly rounds: number; readonly kills: number },
): Promise<readonly number[]> {
  const expiresAt = Math.floor(Date.now() / 1000) + 300;
  const fresh: number[] = [];
  const claim = async (round: number, copies: number) => {
    const order = { nonce: `${round}`.padStart(22, 'N'), copies, expiresAt };
    const total = sum(await claimers.claim(order));
    fresh[round] = (fresh[round] ?? 0) + total.fresh;
    return total;
  };
  const every = Math.floor(rounds / (kills + 1));
  for (let round = 0; round < rounds; round++) {
    const claimed = claim(round, 20);
    if (round % every === every - 1) {
      await server.stop('SIGKILL');
      await server.start();
    }
    await claimed;
  }
  const deadline = performance.now() + 20_000;
  for (let round = 0; round < rounds; round++) {
    while ((await claim(round, 1)).unavailable > 0) {
      if (performance.now() > deadline) throw new Error('the server does not come back');
    }
  }
  return fresh;
}
