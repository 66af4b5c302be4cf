import type { CompletedCommand } from './completion.js';

/** For bash: words by command, file names wherever a value or an argument is expected. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const parents = commands.filter((command) => command.commands.length > 0);
  const nested = parents.map(
    ({ name, commands: within }) => `    ${name})
      if [ "$COMP_CWORD" -eq 2 ]; then
        COMPREPLY=($(compgen -W '${namesOf(within)} help --help -h' -- "$current"))
        return
      fi
      command="$command \${COMP_WORDS[2]}" ;;`,
  );
  const leaves = commands.flatMap((command) => leavesOf(command, ''));
  const choices = leaves.flatMap(({ name, options }) =>
    options
      .filter((option) => option.choices.length > 0)
      .flatMap((option) =>
        option.flags.map((flag) => `    '${name}:${flag}') words='${option.choices.join(' ')}' ;;`),
      ),
  );
  const cases = leaves.map(({ name, options, words }) => {
    const all = [...options.flatMap(({ flags }) => flags), ...words];
    return `      '${name}') words='${all.join(' ')}' ;;`;
  });
  return `_countersign() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${namesOf(commands)} help --help --version' -- "$current"))
    return
  fi
  case "$command" in
${nested.join('\n')}
  esac
  case "$command:$previous" in
${choices.join('\n')}
    *) case "$command" in
${cases.join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _countersign countersign
`;
}

/** The commands that do something, each with the words that name it. */
function leavesOf(command: CompletedCommand, before: string): readonly CompletedCommand[] {
  const name = `${before}${command.name}`;
  if (command.commands.length === 0) return [{ ...command, name }];
  return command.commands.flatMap((within) => leavesOf(within, `${name} `));
}

function namesOf(commands: readonly CompletedCommand[]): string {
  return commands.map(({ name }) => name).join(' ');
}
