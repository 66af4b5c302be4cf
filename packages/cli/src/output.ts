import { EXIT } from './exit.js';

/** Writes a line to standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line to standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Keeps a reader that went away (`countersign … | head -1`) from ending in a stack trace. The command goes on, so that its
 * exit code stays true; any other failure to write is told.
 */
export function guardStreams(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    note(`countersign: cannot write to standard output (${error.code})`);
    process.exitCode = EXIT.unavailable;
  });
}

/** Text of a stranger made safe for a terminal: control characters are shown, not sent. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Takes secrets out of a line: whoever mistypes a command may have one in it, and error output ends up in logs. */
export function withoutSecrets(text: string): string {
  return text.replace(/(?:csk|ckek)_[A-Za-z0-9_-]+/g, '[secret]');
}

const STYLES = { bold: '1', green: '32', red: '31' } as const;

/** Colours text for standard output, if that is a terminal and nobody asked for none. */
export function style(name: keyof typeof STYLES, text: string): string {
  const { NO_COLOR, TERM } = process.env;
  const plain = !process.stdout.isTTY || (NO_COLOR ?? '') !== '' || TERM === 'dumb';
  return plain ? text : `\u001b[${STYLES[name]}m${text}\u001b[0m`;
}
