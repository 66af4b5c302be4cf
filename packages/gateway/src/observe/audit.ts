import { type DestinationStream, pino } from 'pino';
import type { DecisionRecord } from './record.js';

/** Where decisions are written down. */
export interface Audit {
  write(record: DecisionRecord): void;
  /** What is said of the gateway itself, such as a configuration that could not be read. */
  say(level: 'info' | 'warn' | 'error', message: string, more?: object): void;
  /** Opens the file anew, after the system has moved it away. */
  reopen(): void;
  /** Writes what is still held. */
  close(): void;
}

/**
 * One line of JSON for each decision.
 *
 * @param to - `stdout`, `none`, or the path of a file that lines are added to
 * @param said - where the gateway speaks of itself; with the decisions unless given
 */
export function openAudit(to: string, said?: DestinationStream): Audit {
  // Lines are gathered for a write, at most a second long.
  const file =
    to === 'none'
      ? undefined
      : pino.destination({
          dest: to === 'stdout' ? 1 : to,
          mkdir: true,
          append: true,
          mode: 0o640,
          sync: false,
          minLength: 4096,
          periodicFlush: 1_000,
        });
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const decisions =
    file === undefined ? undefined : pino({ ...options, messageKey: 'message' }, file);
  const own = pino({ ...options, messageKey: 'message' }, said ?? file ?? pino.destination(2));
  file?.on('error', () => {}); // a full disk stops the log, not the requests
  return {
    write(record) {
      if (decisions === undefined) return;
      if (record.verdict === 'accepted' && record.status < 500) decisions.info(record);
      else decisions.warn(record);
    },
    say(level, message, more = {}) {
      own[level](more, message);
      file?.flush();
    },
    reopen() {
      if (to !== 'stdout') file?.reopen();
    },
    close() {
      try {
        file?.flushSync();
      } catch {
        // It was never opened.
      }
    },
  };
}
