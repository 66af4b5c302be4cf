// The measurements as Markdown.
const µs = (ns) => (ns / 1000).toFixed(ns < 100_000 ? 2 : 0);
export const ratio = ({ median, least, most }) =>
  `**${median.toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;
export const table = (head, aligns, rows) =>
  [head, aligns, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const right = '---:';
const left = '---';

/** @returns Markdown by the name of the section */
export const SECTIONS = {
  compare: (rows) =>
    table(
      ['', 'signs', '', 'nonce', 'sign µs', 'sign ÷ floor', 'verify µs', 'verify ÷ floor'],
      [left, left, left, left, right, right, right, right],
      rows.map(({ name, version, covers, note, checksNonce, sign, verify }) => [
        `${name} ${version === 'this one' ? '' : version}`.trim(),
        covers.join(', '),
        note ?? '',
        checksNonce ? 'checked' : 'not checked',
        µs(sign.ns),
        ratio(sign.ratio),
        verify === undefined ? 'signs only' : µs(verify.ns),
        verify === undefined ? '' : ratio(verify.ratio),
      ]),
    ),
  other: (rows) =>
    table(
      ['work', 'µs', 'floor', '÷ floor'],
      [left, right, left, right],
      rows.map(({ name, ns, floor, ratio: of }) => [name, µs(ns), floor, ratio(of)]),
    ),
  refusals: (rows) =>
    table(
      ['refused', 'µs', '÷ floor of verifying'],
      [left, right, right],
      rows.map(({ name, ns, ratio: of }) => [name, µs(ns), ratio(of)]),
    ),
  growth: (rows) =>
    table(
      ['', '', 'sign µs', '÷ floor', 'verify µs', '÷ floor'],
      [left, right, right, right, right, right],
      rows.map(({ series, step, sign, verify, signRatio, verifyRatio }) => [
        ...[series, step.toLocaleString('en'), µs(sign), signRatio.toFixed(2)],
        ...[µs(verify), verifyRatio.toFixed(2)],
      ]),
    ),
  allocation: ({ rows, share }) =>
    `${table(
      ['operation', 'bytes'],
      [left, right],
      rows.map(({ name, bytes }) => [name, Math.round(bytes).toLocaleString('en')]),
    )}\n\nWith signing and verifying in one process, the collector took ${(share * 100).toFixed(1)} % of the time.`,
  coldStart: (rows) =>
    table(
      ['', 'ms over a bare node'],
      [left, right],
      rows.map(({ name, ms }) => [`\`${name}\``, ms.toFixed(1)]),
    ),
  cluster: (rows) =>
    table(
      ['workers', 'verified each second', 'range'],
      [right, right, right],
      rows.map(({ workers, rate, least, most }) => [
        workers,
        ...[Math.round(rate).toLocaleString('en')],
        `${Math.round(least).toLocaleString('en')}–${Math.round(most).toLocaleString('en')}`,
      ]),
    ),
  load: (rows) =>
    table(
      ['node:http', 'req/s', '÷ bare', 'CPU µs', '÷ bare', 'busy', 'p50 ms', 'p99 ms', 'p99.9 ms'],
      [left, right, right, right, right, right, right, right, right],
      rows.map(({ kind, rate, ratio: of, p50, p99, p999, cpu, cpuRatio, busy }) => [
        ...[kind, Math.round(rate).toLocaleString('en'), ratio(of)],
        ...[cpu.toFixed(1), ratio(cpuRatio), `${Math.round(busy * 100)} %`],
        ...[p50, p99, p999].map((ms) => ms.toFixed(1)),
      ]),
    ),
};

/** Puts each section between its two comments of a document. */
export function insertInto(document, sections) {
  let text = document;
  for (const [name, markdown] of Object.entries(sections)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from === -1 || to === -1) throw new Error(`${begin} … ${end}: not in the document`);
    text = `${text.slice(0, from + begin.length)}\n${markdown}\n${text.slice(to)}`;
  }
  return text;
}
