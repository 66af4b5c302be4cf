import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBasicDate, formatImfDate, parseBasicDate, parseImfDate } from './dates.js';

const FIRST = -62_167_219_200; // 0000-01-01T00:00:00Z
const LAST = 253_402_300_799; // 9999-12-31T23:59:59Z
const seconds = fc.integer({ min: FIRST, max: LAST });

describe.each([
  ['IMF-fixdate', formatImfDate, parseImfDate],
  ['the date of a presigned URL', formatBasicDate, parseBasicDate],
] as const)('%s', (_name, format, parse) => {
  it('is read as it was written, from the first second to the last', () => {
    const any = fc.oneof(seconds, fc.constantFrom(FIRST, LAST, -1, 0, 951_782_400, 2 ** 31));
    fc.assert(
      fc.property(any, (time) => {
        expect(parse(format(time))).toBe(time);
      }),
    );
  });

  it('has one spelling: what is read is written again as it was', () => {
    const edit = fc.tuple(seconds, fc.nat(28), fc.constantFrom(...'0123456789TZtz -:,JanSu\n'));
    const text = fc.oneof(
      fc.string(),
      edit.map(
        ([time, at, other]) => format(time).slice(0, at) + other + format(time).slice(at + 1),
      ),
    );
    fc.assert(
      fc.property(text, (value) => {
        const time = parse(value);
        if (time !== undefined) expect(format(time)).toBe(value);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([FIRST - 1, LAST + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not written for %s',
    (time) => {
      expect(() => format(time)).toThrow(RangeError);
      expect(() => format(time)).toThrow(/^seconds: /);
    },
  );
});

it.each([
  '20200101T120030',
  '20200101T120030z',
  '20200101t120030Z',
  '2020-01-01T12:00:30Z',
  '20200230T120030Z',
  '20190229T000000Z',
  '19000229T000000Z',
  '20201301T000000Z',
  '20200001T000000Z',
  '20200100T000000Z',
  '20200101T240000Z',
  '20200101T006000Z',
  '20200101T000060Z',
  '20200101T120030Z\n',
  '',
])('%j is no date of a presigned URL', (text) => {
  expect(parseBasicDate(text)).toBeUndefined();
});
