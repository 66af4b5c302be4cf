import { createInterface } from 'node:readline';
import { usage } from '../exit.js';
import { printable } from '../output.js';

/**
 * Asks on the terminal, and takes anything but yes for no.
 *
 * @throws CliError if there is no terminal to ask on
 */
export async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usage('asks before it does this, and there is no terminal to ask on; give --yes');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<boolean>((resolve) => {
      terminal.once('close', () => resolve(false)); // end of input, or Ctrl-C
      terminal.question(`${printable(question)} [y/N] `, (answer) => {
        resolve(/^\s*y(es)?\s*$/i.test(answer));
      });
    });
  } finally {
    terminal.close();
  }
}
