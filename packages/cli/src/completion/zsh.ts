import type { CompletedCommand, CompletedOption } from './completion.js';

/** For zsh, with descriptions. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const list = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`);
  const cases = commands.map(
    (command) =>
      `    ${command.name}) _arguments ${specifications(command).join(' \\\n      ')} ;;`,
  );
  return `#compdef countersign
_countersign() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _countersign ]; then
  _countersign "$@"
else
  compdef _countersign countersign
fi
`;
}

function specifications({ options, words }: CompletedCommand): readonly string[] {
  const rest = words.length > 0 ? `*:argument:(${words.join(' ')})` : '*:argument:_files';
  return [...options.flatMap(specification), rest].map(quoted);
}

function specification({ flags, description, takesValue, choices }: CompletedOption): string[] {
  const text = description.replace(/[[\]:\\]/g, '\\$&');
  const value = choices.length > 0 ? `(${choices.join(' ')})` : '_files';
  return flags.map((flag) => `*${flag}[${text}]${takesValue ? `:value:${value}` : ''}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
