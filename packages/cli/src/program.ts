import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { completionCommand } from './commands/completion.js';
import { curlCommand } from './commands/curl.js';
import { gatewayCommand } from './commands/gateway.js';
import { keygenCommand } from './commands/keygen.js';
import { keysCommand } from './commands/keys.js';
import { presignCommand } from './commands/presign.js';
import { profileCommand } from './commands/profile.js';
import { serveCommand } from './commands/serve.js';
import { signCommand } from './commands/sign.js';
import { vectorsCommand } from './commands/vectors.js';
import { verifyCommand } from './commands/verify.js';
import { CliError, EXIT } from './exit.js';
import { guardStreams, note, printable, withoutSecrets } from './output.js';

/** Runs one command line; the outcome is left in `process.exitCode`. */
export async function run(args: readonly string[]): Promise<void> {
  guardStreams();
  const program = createProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error, nameOfCommand(program, args));
  }
}

function createProgram(): Command {
  const program = new Command('countersign')
    .description('Sign and verify HTTP requests (HMAC-SHA-256 and HMAC-SHA-512).')
    .version(version())
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // told by report(), in one line
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Examples:
  $ countersign keygen --json > keys.json
  $ countersign serve --keys keys.json
  $ countersign profile add local --credential orders-service --secret env:ORDERS_SECRET
  $ countersign presign http://localhost:8787/v1/invoices/7.pdf --expires-in 15m
  $ countersign curl 'http://localhost:8787/v1/orders?limit=10'

Exit codes:
  0 done or accepted, 1 refused, 2 wrong usage, 3 something needed is unavailable`,
    );
  for (const add of [
    keygenCommand,
    keysCommand,
    signCommand,
    curlCommand,
    presignCommand,
    profileCommand,
    verifyCommand,
    serveCommand,
    gatewayCommand,
    vectorsCommand,
    completionCommand,
  ]) {
    add(program);
  }
  return program;
}

/** Such as `sign` or `profile add`; `undefined` if the line names no command. */
function nameOfCommand(program: Command, args: readonly string[]): string | undefined {
  const names: string[] = [];
  let command = program;
  for (const arg of args) {
    const next = command.commands.find((candidate) => candidate.name() === arg);
    if (next === undefined) break;
    names.push(next.name());
    command = next;
  }
  return names.length === 0 ? undefined : names.join(' ');
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function report(error: unknown, command: string | undefined): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    if (error.code !== 'commander.help') {
      const see = command === undefined ? 'countersign --help' : `countersign ${command} --help`;
      tell(command, `${error.message.replace(/^error: |\.$/g, '')}; see ${see}`);
    }
    return EXIT.usage;
  }
  if (error instanceof CliError) {
    tell(command, error.message);
    return error.exitCode;
  }
  tell(command, `unexpected: ${error instanceof Error ? error.message : String(error)}`);
  return EXIT.unavailable;
}

function tell(command: string | undefined, message: string): void {
  const where = command === undefined ? '' : `${command}: `;
  const line = message.replace(/\s*\n\s*/g, ' ');
  note(printable(withoutSecrets(`countersign: ${where}${line}`)));
}
