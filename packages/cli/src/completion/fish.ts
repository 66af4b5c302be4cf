import type { CompletedCommand, CompletedOption } from './completion.js';

/** For fish, with descriptions. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap((command) => linesOf(command, '__fish_use_subcommand', ''));
  return `${lines.join('\n')}\n`;
}

/**
 * @param here - says that the name of the command is expected
 * @param within - says that the commands around it were named, with `; and ` behind
 */
function linesOf(command: CompletedCommand, here: string, within: string): readonly string[] {
  const { name, description, options, words, commands } = command;
  const seen = `${within}__fish_seen_subcommand_from ${name}`;
  const names = commands.map((one) => one.name).join(' ');
  return [
    `complete -c countersign -n ${quoted(here)} -f -a ${name} -d ${quoted(description)}`,
    ...options.map((option) => optionLine(seen, option)),
    ...(words.length === 0
      ? []
      : [`complete -c countersign -n ${quoted(seen)} -f -a ${quoted(words.join(' '))}`]),
    ...commands.flatMap((one) =>
      linesOf(one, `${seen}; and not __fish_seen_subcommand_from ${names}`, `${seen}; and `),
    ),
  ];
}

function optionLine(seen: string, option: CompletedOption): string {
  const flags = option.flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  const value = option.takesValue ? ' -r' : '';
  const choices = option.choices.length > 0 ? ` -f -a ${quoted(option.choices.join(' '))}` : '';
  return `complete -c countersign -n ${quoted(seen)} ${flags.join(' ')}${value}${choices} -d ${quoted(option.description)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
