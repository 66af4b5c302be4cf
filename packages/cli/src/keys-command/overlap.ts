import { usage } from '../exit.js';

const SECONDS = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 } as const;
const MOST = 400 * SECONDS.d;

/** Milliseconds of `0`, `900`, `30m`, `24h` or `7d`. */
export function overlapOf(text: string): number {
  const match = /^([0-9]{1,9})([smhd]?)$/.exec(text);
  const seconds = Number(match?.[1]) * SECONDS[match?.[2] as keyof typeof SECONDS];
  if (match === null || seconds > MOST) {
    throw usage(
      `--overlap "${text}": expected seconds, or a number with m, h or d, such as 24h; at most 400d`,
    );
  }
  return seconds * 1000;
}
