import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

const LINUX = '/proc/sys/kernel/random/boot_id';
// How far the time of the boot, as it is worked out from two clocks, may be off unnoticed (ms).
const GRAIN = 10_000;

/**
 * What tells this run of the machine from those before: what was written but not yet synchronised is lost between them. It
 * may change without need, which refuses what is dated up to then, but it does not stay when the machine was restarted.
 */
export function bootOf(): string {
  try {
    return readFileSync(LINUX, 'latin1').trim();
  } catch {
    return `booted ${Math.round((Date.now() - uptime() * 1000) / GRAIN)}`;
  }
}
