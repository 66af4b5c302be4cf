import type { CompletedCommand, CompletedOption } from './completion.js';

/** For zsh, with descriptions. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const parents = commands.filter((command) => command.commands.length > 0);
  return `#compdef countersign
${parents.map((command) => chooser(`_countersign_${command.name}`, command.commands)).join('\n')}
${chooser('_countersign', commands)}
if [ "$funcstack[1]" = _countersign ]; then
  _countersign "$@"
else
  compdef _countersign countersign
fi
`;
}

/** A function that completes the name of a command, and then what stands behind it. */
function chooser(name: string, commands: readonly CompletedCommand[]): string {
  const list = commands.map((one) => `    ${quoted(`${one.name}:${one.description}`)}`);
  const cases = commands.map((one) =>
    one.commands.length > 0
      ? `    ${one.name}) ${name}_${one.name} ;;`
      : `    ${one.name}) _arguments ${specifications(one).join(' \\\n      ')} ;;`,
  );
  return `${name}() {
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
}`;
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
