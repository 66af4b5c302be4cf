import type { CompletedCommand } from './completion.js';

/** For bash: words by command, file names wherever a value or an argument is expected. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.flatMap(({ name, options, words }) => [
    `    ${name}) words='${[...options.flatMap(({ flags }) => flags), ...words].join(' ')}' ;;`,
  ]);
  const choices = commands.flatMap(({ name, options }) =>
    options
      .filter((option) => option.choices.length > 0)
      .flatMap((option) =>
        option.flags.map((flag) => `    ${name}:${flag}) words='${option.choices.join(' ')}' ;;`),
      ),
  );
  return `_countersign() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')} help --help --version' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}:$previous" in
${choices.join('\n')}
    *) case "\${COMP_WORDS[1]}" in
${cases.map((line) => `  ${line}`).join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _countersign countersign
`;
}
