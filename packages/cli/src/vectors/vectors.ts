import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { KeyStore } from '@countersign/server';
import type { VectorsOptions } from '../commands/vectors.js';
import { EXIT, systemCode, unavailable } from '../exit.js';
import { readBytes } from '../input.js';
import { keysOfFile } from '../keys.js';
import { print, printable, style } from '../output.js';
import type { Outcome } from './outcome.js';
import {
  type AcceptedVector,
  checkAccepted,
  checkRefused,
  type RefusedVector,
} from './requests.js';
import {
  type AcceptedResponse,
  checkAcceptedResponse,
  checkRefusedResponse,
  type RefusedResponse,
} from './responses.js';
import { UNIT_CHECKS, type Unit } from './units.js';

interface RequestFile<T> {
  readonly defaults: T extends { verifier?: infer V } ? Required<NonNullable<V>> : never;
  readonly vectors: readonly T[];
}

/** Runs all vectors of a directory and prints how each went. */
export async function vectors(
  directory: string | undefined,
  { json }: VectorsOptions,
): Promise<number> {
  const path = directory ?? findDirectory();
  const outcomes: Outcome[] = [];
  for (const [file, check] of Object.entries(UNIT_CHECKS)) {
    const { units } = await readJson<{ readonly units: readonly Unit[] }>(join(path, file));
    for (const unit of units) outcomes.push(check(`${file}: ${unit.name}`, unit));
  }
  const keys = await keysOfFile(join(path, 'keys.json'));
  const accepted = await readJson<RequestFile<AcceptedVector>>(join(path, 'accepted.json'));
  for (const vector of accepted.vectors) {
    outcomes.push(await checkAccepted(vector, accepted.defaults, keys));
  }
  const refused = await readJson<RequestFile<RefusedVector>>(join(path, 'refused.json'));
  for (const vector of refused.vectors) {
    outcomes.push(await checkRefused(vector, refused.defaults, keys));
  }
  outcomes.push(...(await responses(path, keys)));
  const failed = outcomes.filter(({ failure }) => failure !== undefined).length;
  if (json) print(JSON.stringify({ passed: outcomes.length - failed, failed, outcomes }));
  else printLines(outcomes, failed);
  return failed === 0 && outcomes.length > 0 ? EXIT.done : EXIT.refused;
}

async function responses(path: string, keys: KeyStore): Promise<readonly Outcome[]> {
  const file = 'responses.json';
  const { accepted, refused } = await readJson<{
    readonly accepted: readonly AcceptedResponse[];
    readonly refused: readonly RefusedResponse[];
  }>(join(path, file));
  return Promise.all([
    ...accepted.map((each) => checkAcceptedResponse(`${file}: ${each.name}`, each, keys)),
    ...refused.map((each) => checkRefusedResponse(`${file}: ${each.name}`, each, keys)),
  ]);
}

function printLines(outcomes: readonly Outcome[], failed: number): void {
  for (const { name, failure } of outcomes) {
    print(
      failure === undefined
        ? `${style('green', 'ok')} ${name}`
        : printable(`not ok ${name}: ${failure}`),
    );
  }
  print(`${outcomes.length - failed} of ${outcomes.length} vectors hold`);
}

function findDirectory(): string {
  for (let at = resolve(); ; at = dirname(at)) {
    const candidate = join(at, 'test-vectors');
    if (existsSync(join(candidate, 'accepted.json'))) return candidate;
    if (at === dirname(at)) break;
  }
  throw unavailable('no test-vectors directory here or in a parent; name one');
}

async function readJson<T>(path: string): Promise<T> {
  const bytes = await readBytes(path);
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch (error) {
    throw unavailable(`${path} is not JSON (${systemCode(error) ?? 'syntax'}); get it anew`);
  }
}
