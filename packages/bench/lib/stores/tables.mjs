// What is measured of the stores, as Markdown.
import { TIMES } from './overload.mjs';

const µs = (ns) => (ns / 1000).toFixed(ns < 10_000 ? 2 : 1);
const whole = (value) => Math.round(value).toLocaleString('en');
const ratio = ({ median, least, most }) =>
  `**${median.toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;
const percent = (of) => {
  const more = Math.round((of - 1) * 100);
  return more < 0 ? `−${-more}` : `+${more}`;
};
const added = ({ median, least, most }) =>
  `**${percent(median)} %** (${percent(least)} to ${percent(most)})`;

function table(head, rows) {
  const ruler = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export const throughputTable = (rows) =>
  table(
    [
      ...['store', 'bare µs', 'verify µs', 'both µs', 'verified a second', 'sum ÷ both'],
      ...['by hand ÷ both', 'bare p50 µs', 'claim p50 µs', 'claim adds'],
    ],
    rows.map((row) => [
      row.name,
      ...[row.bare, row.verify, row.both].map(µs),
      whole(row.rate),
      ...[row.ratio, row.toByHand].map(ratio),
      ...[row.bareP50, row.claimP50].map(µs),
      added(row.latency),
    ]),
  );

export const soakTable = (rows) =>
  table(
    [
      ...['store', 'minutes', 'claims a second', 'claims', 'new', 'replays', 'wrong'],
      ...['resident MB', 'growth, KB a minute'],
    ],
    rows.map(({ name, minutes, rate, claims, fresh, replayed, expired, wrong, rss }) => [
      ...[name, minutes, ...[rate, claims, fresh, replayed + expired, wrong].map(whole)],
      ...[`${whole(rss.first / 1024)} to ${whole(rss.last / 1024)}`, whole(rss.slope)],
    ]),
  );

export const overloadTable = (rows) =>
  table(
    ['store', 'claims a second', ...TIMES.map((times) => `of ${times} × as many`)],
    rows.map(({ name, most, rows: each }) => [
      ...[name, whole(most)],
      ...each.map(({ begun, fresh }) => `${whole(fresh)} of ${whole(begun)}`),
    ]),
  );

export const memoryTable = (rows) =>
  table(
    [
      'memory, with',
      'live nonces',
      'bytes each',
      'claim µs',
      'longest pause ms, growing',
      'expiring',
      'with the collector',
    ],
    rows.map(({ name, size, bytes, claim, growing, expiring, collector }) => [
      ...[name, whole(size), whole(bytes), claim.toFixed(2), growing.toFixed(1)],
      ...[expiring.toFixed(1), collector.toFixed(1)],
    ]),
  );
