import type { CompletedCommand, CompletedOption } from './completion.js';

/** For fish, with descriptions. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, description, options, words }) => [
    `complete -c countersign -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
    ...options.map((option) => optionLine(name, option)),
    ...(words.length === 0
      ? []
      : [
          `complete -c countersign -n '__fish_seen_subcommand_from ${name}' -f -a ${quoted(words.join(' '))}`,
        ]),
  ]);
  return `${lines.join('\n')}\n`;
}

function optionLine(command: string, option: CompletedOption): string {
  const flags = option.flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  const value = option.takesValue ? ' -r' : '';
  const choices = option.choices.length > 0 ? ` -f -a ${quoted(option.choices.join(' '))}` : '';
  return `complete -c countersign -n '__fish_seen_subcommand_from ${command}' ${flags.join(' ')}${value}${choices} -d ${quoted(option.description)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
