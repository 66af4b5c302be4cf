import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, temporaryDirectory, VECTORS } from './helpers.js';

const FILES = [
  'macs',
  'secrets',
  'targets',
  'hosts',
  'dates',
  'digests',
  'authorization',
  'accepted',
  'refused',
  'responses',
] as const;
const count = FILES.map((name) => {
  const { units, vectors, accepted, refused } = JSON.parse(
    readFileSync(join(VECTORS, `${name}.json`), 'utf8'),
  );
  return (units ?? vectors ?? [...accepted, ...refused]).length as number;
}).reduce((sum, one) => sum + one, 0);

type Change = readonly [file: string, from: string, to: string, failure: string];

/** What must be told where the vectors differ; in turns, each of which changes a vector once at most. */
const TURNS: readonly (readonly Change[])[] = [
  [
    ['accepted.json', '"signature": "W', '"signature": "X', 'worked-example: expected signature'],
    [
      'accepted.json',
      '"signature": "arLY',
      '"signature": "brLY',
      'presigned-worked-example: expected signature',
    ],
    [
      'refused.json',
      '"code": "headers_too_many"',
      '"code": "header_missing"',
      'headers-101: expected code "header_missing", got "headers_too_many"',
    ],
    [
      'targets.json',
      '"canonical": "/a"',
      '"canonical": "/b"',
      'targets.json: empty-query: expected canonical "/b", got "/a"',
    ],
    [
      'macs.json',
      '"result": "valid"',
      '"result": "invalid"',
      'macs.json: rfc-4231-1-256: expected result "invalid", got "valid"',
    ],
    [
      'dates.json',
      '"unix": 1577880030',
      '"unix": 1577880031',
      'dates.json: worked: expected unix 1577880031',
    ],
    [
      'responses.json',
      'Signature=1Jix',
      'Signature=2Jix',
      'responses.json: worked-example: expected authenticationInfo',
    ],
    [
      'responses.json',
      '"refused": "digest_mismatch"',
      '"refused": "date_malformed"',
      'responses.json: body-altered: expected refused "date_malformed", got "digest_mismatch"',
    ],
    ['secrets.json', '"hex": "0001', '"hex": "0101', 'secrets.json: worked: expected hex'],
  ],
  [
    [
      'accepted.json',
      '"stringToSign": "HMAC',
      '"stringToSign": "hmac',
      'worked-example: expected stringToSign',
    ],
  ],
  [
    [
      'accepted.json',
      '"qty\\":2',
      '"qty\\":3',
      'worked-example: expected verdict "accepted", got "digest_mismatch"',
    ],
  ],
];

describe('vectors', () => {
  it('all hold, one line each', async () => {
    const { code, stdout } = await run(['vectors', VECTORS]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('not ok'))).toEqual([]);
    expect(lines.at(-1)).toBe(`${count} of ${count} vectors hold`);
    expect(lines).toHaveLength(count + 1);
    expect(lines).toContain('ok worked-example');
    expect(lines).toContain('ok presigned-worked-example');
    expect(lines).toContain('ok responses.json: worked-example');
    expect(code).toBe(0);
  });

  it('are found from a directory below, and told in JSON', async () => {
    const { code, stdout } = await run(['vectors', '--json'], { cwd: dirname(VECTORS) });
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report).toMatchObject({ passed: count, failed: 0 });
    expect(report.outcomes).toHaveLength(count);
  });

  it.each([...TURNS.entries()])(
    'fail with exit code 1 where they differ: turn %i',
    async (_, changes) => {
      const copy = temporaryDirectory();
      cpSync(VECTORS, copy, { recursive: true });
      for (const [name, from, to] of changes) {
        const path = join(copy, name);
        const text = readFileSync(path, 'utf8');
        expect(text).toContain(from);
        writeFileSync(path, text.replace(from, to));
      }
      const { code, stdout } = await run(['vectors', copy]);
      const failures = stdout.split('\n').filter((line) => line.startsWith('not ok'));
      expect(code).toBe(1);
      for (const [, , , failure] of changes) {
        expect(failures).toContainEqual(expect.stringContaining(`not ok ${failure}`));
      }
      expect(failures).toHaveLength(changes.length);
    },
  );

  it('that are not there are told with exit code 3', async () => {
    const cwd = temporaryDirectory();
    expect(await run(['vectors'], { cwd })).toEqual({
      code: 3,
      stdout: '',
      stderr: 'countersign: vectors: no test-vectors directory here or in a parent; name one\n',
    });
    const { code, stderr } = await run(['vectors', cwd]);
    expect(code).toBe(3);
    expect(stderr).toContain('cannot read');
  });
});
