import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { canonicalTarget, Refusal } from '@countersign/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

// The reference in test-vectors/ was written from the protocol text alone, in another language.
const directory = fileURLToPath(new URL('../../../test-vectors/', import.meta.url));
const python = (...args: string[]) => promisify(execFile)('python3', args, { cwd: directory });

describe('the reference implementation', () => {
  it('recomputes every vector, and openssl every accepted MAC', async () => {
    const { stdout } = await python('recompute.py', '--openssl');
    expect(stdout).toMatch(/^[0-9]{4,} passed, 0 failed$/m);
  });

  it('would write the committed files again', async () => {
    await expect(python('generate.py', '--check')).resolves.toMatchObject({ stderr: '' });
  });

  it('agrees with us on random targets', async () => {
    const unit = fc.constantFrom(
      ...[
        '/',
        '//',
        '.',
        '..',
        ';',
        '%',
        '%2',
        '%2e',
        '%2F',
        '%5c',
        '%3b',
        '%00',
        '%0a',
        '%7F',
        '%25',
      ],
      ...[
        '?',
        '&',
        '=',
        '+',
        'a',
        'B',
        '_',
        '~',
        '%41',
        '%c3',
        '#',
        '\\',
        ' ',
        'é',
        '"',
        '{',
        '%zz',
      ],
    );
    const targets = fc.sample(
      fc.array(unit, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
      { numRuns: 20_000, seed: 20200101 },
    );
    const reference = spawn('python3', ['recompute.py', '--oracle'], { cwd: directory });
    const answers = createInterface({ input: reference.stdout })[Symbol.asyncIterator]();
    const disagreements: unknown[] = [];
    const compared = (async () => {
      for (const target of targets) {
        const theirs = JSON.parse((await answers.next()).value);
        const result = canonicalTarget(target);
        const ours = result instanceof Refusal ? { code: result.code } : { canonical: result };
        if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
          disagreements.push({ target, ours, theirs });
        }
      }
    })();
    reference.stdin.end(targets.map((target) => `${JSON.stringify({ target })}\n`).join(''));
    await compared;
    await once(reference, 'exit');
    expect(disagreements).toEqual([]);
  });
});
