/**
 * By how much memory grows, by the least squares of all samples.
 *
 * @param samples - each with `minute` and `kilobytes`
 * @returns kilobytes a minute
 */
export function slopeOf(samples) {
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const x = mean(({ minute }) => minute);
  const y = mean(({ kilobytes }) => kilobytes);
  const along = mean(({ minute }) => (minute - x) ** 2);
  return along === 0 ? 0 : mean((one) => (one.minute - x) * (one.kilobytes - y)) / along;
}
