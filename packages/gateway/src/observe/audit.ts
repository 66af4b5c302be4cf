import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type DestinationStream, pino } from 'pino';
import type { DecisionRecord } from './record.js';

// Bytes of lines that wait for a disk which has no room; what is beyond is lost, and nothing else is.
const MOST_HELD = 16 * 1024 * 1024;

// Milliseconds for what is still held at the end.
const PATIENCE = 2_000;

/** Where decisions are written down. */
export interface Audit {
  write(record: DecisionRecord): void;
  /** What is said of the gateway itself, such as a configuration that could not be read. */
  say(level: 'info' | 'warn' | 'error', message: string, more?: object): void;
  /** Opens the file anew, after the system has moved it away. */
  reopen(): void;
  /** Resolves once what is still held is written, or cannot be. */
  close(): Promise<void>;
}

/**
 * One line of JSON for each decision.
 *
 * @param to - `stdout`, `none`, or the path of a file that lines are added to
 * @param said - where the gateway speaks of itself; with the decisions unless given
 * @throws TypeError that begins with `audit.to`, if the file cannot be written
 */
export function openAudit(to: string, said?: DestinationStream): Audit {
  const file = to === 'none' ? undefined : destinationOf(to);
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const decisions =
    file === undefined ? undefined : pino({ ...options, messageKey: 'message' }, file);
  const own = pino({ ...options, messageKey: 'message' }, said ?? file ?? pino.destination(2));
  file?.on('error', () => {}); // a full disk stops the log, not the requests
  let closed = false;
  return {
    write(record) {
      if (decisions === undefined || closed) return;
      if (record.verdict === 'accepted' && record.status < 500) decisions.info(record);
      else decisions.warn(record);
    },
    say(level, message, more = {}) {
      if (closed) return;
      own[level](more, message);
      file?.flush();
    },
    reopen() {
      if (to !== 'stdout') file?.reopen();
    },
    close() {
      closed = true;
      return file === undefined ? Promise.resolve() : ended(file);
    },
  };
}

/** Ends it with all that it holds, unless that finds no room: then it will not for being waited for. */
function ended(file: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve) => {
    const leave = () => {
      clearTimeout(late);
      file.destroy();
      resolve();
    };
    const late = setTimeout(leave, PATIENCE);
    file.once('error', leave).once('close', leave);
    // It is not flushed at once: that would try for ever where a disk is full.
    file.end();
  });
}

function destinationOf(to: string): ReturnType<typeof pino.destination> {
  // Lines are gathered for a write, at most a second long.
  const gathering = {
    ...{ sync: false, minLength: 4096, periodicFlush: 1_000, mode: 0o640 },
    maxLength: MOST_HELD,
  };
  if (to === 'stdout') return pino.destination({ ...gathering, dest: 1 });
  try {
    mkdirSync(dirname(to), { recursive: true });
    // One that cannot be opened is told at once, instead of at the first line.
    closeSync(openSync(to, 'a', 0o640));
    return pino.destination({ ...gathering, dest: to, append: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TypeError(`audit.to: cannot write ${to} (${code})`);
  }
}
