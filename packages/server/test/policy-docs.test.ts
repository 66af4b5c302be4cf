import { readFileSync } from 'node:fs';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { createPolicy, type Policy } from '@countersign/server/policy';
import { rateLimits } from '@countersign/server/rate-limits';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { describe, expect, it } from 'vitest';

const text = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code = '']) => code,
  );

/** Runs the blocks as one program, with what they import handed over. */
function run(): { policy: Policy; printed: string[]; limitRate: unknown; verifier: unknown } {
  const printed: string[] = [];
  const names = {
    ...{ createVerifier, memoryNonceStore, createPolicy, rateLimits, RateLimiterMemory },
    keyFile: () => staticKeys([TEST_KEY_ENTRY]),
    console: { log: (line: string) => printed.push(line) },
  };
  const code = blocks('js')
    .join('\n')
    .replace(/^import \{ (.*?) \} from .*$/gm, (_, imported: string) => {
      for (const name of imported.split(', ')) expect(names, name).toHaveProperty(name);
      return '';
    });
  const program = new Function(
    ...Object.keys(names),
    `${code}; return { policy, limitRate, verifier };`,
  );
  return { ...program(...Object.values(names)), printed };
}

describe('docs/policy.md', () => {
  it('has at most 1,000 words', () => {
    const words = text.replace(/^```.*?^```$/gms, '').split(/\s+/);
    expect(words.length).toBeLessThanOrEqual(1_000);
  });

  it('has blocks that run, and print what it says', () => {
    const { policy, printed, verifier } = run();
    expect(blocks('js')).toHaveLength(3);
    expect(printed.map((line) => `${line}\n`)).toEqual(blocks('text'));
    expect(verifier).toBeDefined();
    const asked = { method: 'GET', secure: true, address: '10.1.2.3' };
    const decide = (credential: string, group: string | undefined, target: string) =>
      policy.decide({ ...asked, credential, group, target }).allowed;
    expect(decide('a', undefined, '/v1/status')).toBe(true);
    expect(decide('a', 'partners', '/v1/orders/7')).toBe(true);
    expect(decide('a', 'partners', '/v1/admin/x')).toBe(false);
    expect(decide('a', 'staff', '/v1/admin/x')).toBe(true);
    expect(decide('a', 'staff', '/v1/orders/export')).toBe(false);
  });

  it('names every setting in its table', () => {
    for (const setting of [
      ...['allowAddresses', 'denyAddresses', 'https', 'allowInPath', 'requiredHeaders', 'skew'],
      ...['maxBodyBytes', 'rateLimits', 'signedResponses', 'payload'],
    ]) {
      expect(text).toMatch(new RegExp(`^\\| .*\`${setting}\``, 'm'));
    }
    expect(() => createPolicy({ colour: 1 } as never)).toThrow(/routes, .*payload$/);
  });
});
