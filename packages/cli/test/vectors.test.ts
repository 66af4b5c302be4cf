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

  /** A copy of the vectors in which the text of one file was changed. */
  async function altered(name: string, from: string | RegExp, to: string) {
    const copy = temporaryDirectory();
    cpSync(VECTORS, copy, { recursive: true });
    const path = join(copy, name);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(from);
    writeFileSync(path, text.replace(from, to));
    const { code, stdout } = await run(['vectors', copy]);
    return { code, failures: stdout.split('\n').filter((line) => line.startsWith('not ok')) };
  }

  it.each([
    [
      'accepted.json',
      '"signature": "W',
      '"signature": "X',
      'not ok worked-example: expected signature',
    ],
    [
      'accepted.json',
      /"stringToSign": "HMAC/,
      '"stringToSign": "hmac',
      'not ok worked-example: expected stringToSign',
    ],
    [
      'accepted.json',
      '"qty\\":2',
      '"qty\\":3',
      'not ok worked-example: expected verdict "accepted", got "digest_mismatch"',
    ],
    [
      'refused.json',
      '"code": "headers_too_many"',
      '"code": "header_missing"',
      'not ok headers-101: expected code "header_missing", got "headers_too_many"',
    ],
    [
      'targets.json',
      '"canonical": "/a"',
      '"canonical": "/b"',
      'not ok targets.json: empty-query: expected canonical "/b", got "/a"',
    ],
    [
      'macs.json',
      '"result": "valid"',
      '"result": "invalid"',
      'not ok macs.json: rfc-4231-1-256: expected result "invalid", got "valid"',
    ],
    [
      'dates.json',
      '"unix": 1577880030',
      '"unix": 1577880031',
      'not ok dates.json: worked: expected unix 1577880031',
    ],
    [
      'accepted.json',
      '"signature": "arLY',
      '"signature": "brLY',
      'not ok presigned-worked-example: expected signature',
    ],
    [
      'responses.json',
      'Signature=1Jix',
      'Signature=2Jix',
      'not ok responses.json: worked-example: expected authenticationInfo',
    ],
    [
      'responses.json',
      '"refused": "digest_mismatch"',
      '"refused": "date_malformed"',
      'not ok responses.json: body-altered: expected refused "date_malformed", got "digest_mismatch"',
    ],
    ['secrets.json', '"hex": "0001', '"hex": "0101', 'not ok secrets.json: worked: expected hex'],
  ])('fail with exit code 1 where they differ: %s %s', async (name, from, to, line) => {
    const { code, failures } = await altered(name, from, to);
    expect(code).toBe(1);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toContain(line);
  });

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
