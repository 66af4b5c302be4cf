import { usage } from '../exit.js';

const SECONDS = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 } as const;
const WEEK = 7 * SECONDS.d;

/** Seconds of `900`, `15m`, `1h` or `7d`; a presigned URL is good for a week at most. */
export function durationOf(text: string): number {
  const match = /^([0-9]{1,9})([smhd]?)$/.exec(text);
  const seconds = Number(match?.[1]) * SECONDS[match?.[2] as keyof typeof SECONDS];
  if (match === null || seconds < 1 || seconds > WEEK) {
    throw usage(
      `--expires-in "${text}": expected seconds, or a number with m, h or d, such as 15m; at most 7d`,
    );
  }
  return seconds;
}
