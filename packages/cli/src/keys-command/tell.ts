import { note, printable } from '../output.js';

/** Says on standard error what a command did. */
export function tell(command: string, message: string): void {
  note(printable(`countersign: keys ${command}: ${message}`));
}
