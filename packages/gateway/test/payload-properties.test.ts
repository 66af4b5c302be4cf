import type { PayloadRules } from '@countersign/server/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPayload } from '../src/payload/payload.js';

const rules: PayloadRules = {
  contentTypes: ['application/json', 'text/xml'],
  ...{ maxDepth: 4, maxKeys: 6, maxStringLength: 8 },
};
const faultOf = (body: string | Uint8Array, type = 'application/json', by = rules) =>
  checkPayload({ body: Buffer.from(body), contentType: type, contentEncoding: undefined }, by);

// By JSON.parse and recursion: nothing is shared with the check but the words of its documentation.
function isTaken(value: unknown): boolean {
  let keys = 0;
  const looks = (part: unknown, depth: number): boolean => {
    if (typeof part === 'string') return part.length <= rules.maxStringLength;
    if (typeof part !== 'object' || part === null) {
      return JSON.stringify(part).length <= rules.maxStringLength;
    }
    if (depth === rules.maxDepth) return false;
    if (Array.isArray(part)) return part.every((each) => looks(each, depth + 1));
    return Object.entries(part).every(([name, each]) => {
      const known = name.length <= rules.maxStringLength && !/^(__proto__|constructor)$/.test(name);
      return ++keys <= rules.maxKeys && known && looks(each, depth + 1);
    });
  };
  return looks(value, 0);
}

describe('JSON', () => {
  const names = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'longer name');
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium' },
      fc.constantFrom(null, true, 0, -1, 12_345, 123_456_789, '', 'a', 'ninechars', 'é"\\\n'),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
    ),
  }));

  it('is taken if a naive model takes it, and only then', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(undefined, 2), (value, indent) => {
        const fault = faultOf(JSON.stringify(value, undefined, indent));
        expect(fault === undefined).toBe(isTaken(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is never taken where JSON.parse would not, and nothing throws', () => {
    const wide = { ...rules, maxDepth: 1_000, maxKeys: 1_000, maxStringLength: 1_000 };
    const piece = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '"b":',
        '1',
        '-',
        '.',
        'e',
        '0',
        'true',
        'null',
      ],
      ...[' ', '\n', '\\', '\\u0041', '//', '/*', '*/', '\u2028', '\ufeff', "'", 'NaN', '\t', '\v'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        if (text === '') return;
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const fault = faultOf(text, 'application/json', wide);
        if (!isJson) expect(fault?.code).toBe('payload_malformed');
        else expect(fault?.detail ?? 'twice').toMatch(/twice/);
      }),
      { numRuns: 10_000 },
    );
  });

  it('and XML of any bytes are answered, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, isXml) => {
        const fault = faultOf(bytes, isXml ? 'text/xml' : 'application/json');
        expect([undefined, 415, 422]).toContain(fault?.status);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the time of a check', () => {
  const wide = { ...rules, maxDepth: 1_000, maxKeys: 1e8, maxStringLength: 1e8 };
  // Of several runs the best, in time of the processor: others use the machine too.
  const best = (work: () => unknown) => {
    const times = Array.from({ length: 3 }, () => {
      const start = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(start);
      return (user + system) * 1000;
    });
    return Math.min(...times);
  };

  it.each([
    ['levels', 'application/json', (size: number) => '['.repeat(size)],
    ['levels of objects', 'application/json', (size: number) => '{"a":'.repeat(size / 5)],
    ['names', 'application/json', (size: number) => `{${many(size / 12, (i) => `"n${i}":1`)}}`],
    ['numbers', 'application/json', (size: number) => `[${many(size / 2, () => '1')}]`],
    ['one string', 'application/json', (size: number) => `"${'\\n'.repeat(size / 2)}"`],
    ['one number', 'application/json', (size: number) => '1'.repeat(size)],
    ['white space', 'application/json', (size: number) => `${' '.repeat(size)}1`],
    ['elements', 'text/xml', (size: number) => `<a>${'<b/>'.repeat(size / 4)}</a>`],
    [
      'attributes',
      'text/xml',
      (size: number) => `<a ${many(size / 12, (i) => `n${i}="1"`, ' ')}/>`,
    ],
    ['levels of elements', 'text/xml', (size: number) => '<a>'.repeat(size / 3)],
    ['references', 'text/xml', (size: number) => `<a>${'&lt;'.repeat(size / 4)}</a>`],
    ['a comment', 'text/xml', (size: number) => `<a><!--${'- '.repeat(size / 2)}--></a>`],
  ])('is linear in the body: %s', (_, type, body) => {
    const [small, large] = [Buffer.from(body(60_000)), Buffer.from(body(480_000))];
    // Eight times the bytes: 64 times the time if it were quadratic, whatever else the machine does meanwhile.
    const ratios = Array.from({ length: 5 }, () => {
      const time = best(() => faultOf(small, type, wide));
      return best(() => faultOf(large, type, wide)) / (time * 8 * 4 + 2e6);
    });
    expect(Math.min(...ratios)).toBeLessThan(1);
  });
});

function many(count: number, piece: (i: number) => string, separator = ','): string {
  return Array.from({ length: Math.floor(count) }, (_, i) => piece(i)).join(separator);
}
