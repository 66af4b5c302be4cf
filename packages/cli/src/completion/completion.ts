import type { Command } from 'commander';
import { CURL_OPTIONS } from '../curl/options.js';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { zshScript } from './zsh.js';

/** What can be completed of one command. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** Words its arguments can be. */
  readonly words: readonly string[];
  /** The commands within it. */
  readonly commands: readonly CompletedCommand[];
}

export interface CompletedOption {
  /** `--name` and `-n`, those there are. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Values it can have; empty if any. */
  readonly choices: readonly string[];
}

/** The script for a shell, from the tree of commands itself. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', program: Command): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](program.commands.map(describe));
}

function describe(command: Command): CompletedCommand {
  const options = command.options.map(
    ({ short, long, description, required, argChoices }): CompletedOption => ({
      flags: [long, short].filter((flag): flag is string => typeof flag === 'string'),
      description,
      takesValue: required,
      choices: argChoices ?? [],
    }),
  );
  return {
    name: command.name(),
    description: command.description(),
    options: [...options, HELP, ...(command.name() === 'curl' ? curlOptions() : [])],
    words: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    commands: command.commands.map(describe),
  };
}

const HELP: CompletedOption = {
  flags: ['--help', '-h'],
  description: 'show how it is used',
  takesValue: false,
  choices: [],
};

function curlOptions(): readonly CompletedOption[] {
  return [...CURL_OPTIONS].map(([flag, { value }]) => ({
    flags: [flag],
    description: 'option of curl',
    takesValue: value,
    choices: [],
  }));
}
