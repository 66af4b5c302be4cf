import { type Command, Option } from 'commander';
import { usage } from './exit.js';

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** A whole number of digits alone: `Number` would take "", "1e3" and "0x10". */
export function wholeNumber(option: string, value: string): number {
  if (!/^[0-9]{1,9}$/.test(value)) {
    throw usage(`${option} "${value}": expected a whole number`);
  }
  return Number(value);
}

/** Who signs, as options. Values of the environment and of a profile stand behind them. */
export interface CredentialOptions {
  readonly profile?: string;
  readonly credential?: string;
  readonly secretFile?: string;
  readonly algorithm?: string;
}

/** The same for what has header fields. */
export interface SigningOptions extends CredentialOptions {
  readonly signedHeader?: readonly string[];
}

/** Adds the options that say who signs. */
export function withCredentialOptions(command: Command): Command {
  return command
    .option('--profile <name>', 'profile to sign with (or set COUNTERSIGN_PROFILE)')
    .option('--credential <id>', 'who signs (or set COUNTERSIGN_CREDENTIAL)')
    .option('--secret-file <file>', 'file with the secret, csk_… (or set COUNTERSIGN_SECRET)')
    .addOption(algorithmOption('algorithm of the key (or set COUNTERSIGN_ALGORITHM)'));
}

/** Adds those, and the option that says what is signed besides the protocol's own fields. */
export function withSigningOptions(command: Command): Command {
  return withCredentialOptions(command).option(
    '--signed-header <name>',
    'sign this header field too; repeatable',
    collect,
  );
}

/** `--algorithm`, which has few values. */
export function algorithmOption(description: string): Option {
  return new Option('--algorithm <name>', description).choices(['HMAC-256', 'HMAC-512']);
}
