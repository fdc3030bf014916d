/** Completion for bash and zsh, made from the tables of the command line. No Node runs when TAB is pressed. Pure. */
import { COMMAND_SPECS, optionsShown, type CommandName } from '../cli/commands.js'
import { OPTION_SPECS, type OptionSpec } from '../cli/options.js'
import { quoteForShell } from '../client/certbot/hook-command.js'
import { FIREWALL_CHOICES } from '../firewall/choices.js'

/** The kinds of values that an option can have. */
type Kind = 'firewall' | 'user' | 'lineage' | 'directory' | 'file' | 'other'

type Option = readonly [string, OptionSpec]

const commands = Object.entries(COMMAND_SPECS)
const always: readonly Option[] = [
  ['help', { describe: 'show help' }],
  ['version', { describe: 'show the version' }],
]
const everywhere: readonly Option[] = [...Object.entries(OPTION_SPECS), ...always]
const taking = [...everywhere, ...commands.flatMap(([name]) => optionsOf(name))].filter(
  ([name, { takes }], place, all) => takes !== undefined && all.findIndex(([other]) => other === name) === place,
)
const names = (specs: readonly (readonly [string, unknown])[]) => specs.map(([name]) => `--${name}`)

/** Returns a script for bash, with or without the package bash-completion. */
export function bashCompletion(): string {
  const actions: Readonly<Record<Kind, string>> = {
    firewall: `compgen -W '${FIREWALL_CHOICES.join(' ')}' -- "$current"`,
    user: 'compgen -u -- "$current"',
    lineage: `compgen -W "$(cd /etc/letsencrypt/renewal 2>/dev/null && for file in *.conf; do echo "\${file%.conf}"; done)" -- "$current"`,
    directory: 'compgen -d -- "$current"',
    file: 'compgen -f -- "$current"',
    other: ':',
  }
  const kinds = Object.keys(actions) as Kind[]
  const arms = kinds
    .map(
      (kind) => [names(taking.filter(([name, spec]) => kindOf(name, spec) === kind)).join('|'), actions[kind]] as const,
    )
    .filter(([options]) => options !== '')
  return [
    '# bash completion for certbot-nfq(8)',
    '_certbot_nfq() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= word',
    '  # bash takes --option=value apart at the sign.',
    "  if [[ $previous == '=' ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "  if [[ $current == '=' ]]; then current=; fi",
    '  case $previous in',
    ...arms.map(([options, action]) => `    ${options}) mapfile -t COMPREPLY < <(${action}); return ;;`),
    '  esac',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    `    case $word in ${commands.map(([name]) => name).join('|')}) command=$word; break ;; esac`,
    '  done',
    '  local words',
    '  case $command in',
    `    '') words='${[...commands.map(([name]) => name), ...names(everywhere)].join(' ')}' ;;`,
    ...commands.map(
      ([name]) =>
        `    ${name}) words='${[...(name === 'help' ? commands.map(([other]) => other) : []), ...names(optionsOf(name))].join(' ')}' ;;`,
    ),
    '  esac',
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
    '}',
    'complete -F _certbot_nfq certbot-nfq',
    '',
  ].join('\n')
}

/** Returns a function for zsh, to be put into $fpath as `_certbot-nfq`. */
export function zshCompletion(): string {
  const actions: Readonly<Record<Kind, string>> = {
    firewall: `(${FIREWALL_CHOICES.join(' ')})`,
    user: '_users',
    lineage: '( ${$(print -r -- /etc/letsencrypt/renewal/*.conf(N:t:r))} )',
    directory: '_files -/',
    file: '_files',
    other: ' ',
  }
  const option = ([name, spec]: Option) => {
    const about = `[${spec.describe.replace(/[[\]\\]/g, '\\$&')}]`
    return quoteForShell(
      spec.takes === undefined
        ? `--${name}${about}`
        : `--${name}=${about}:${spec.takes}:${actions[kindOf(name, spec)]}`,
    )
  }
  return [
    '#compdef certbot-nfq',
    '# zsh completion for certbot-nfq(8)',
    'local -a options commands',
    `commands=(${commands.map(([name, { describe }]) => quoteForShell(`${name}:${describe.replaceAll(':', '\\:')}`)).join(' ')})`,
    'case ${words[(r)' + `(${commands.map(([name]) => name).join('|')})` + ']} in',
    ...commands.map(([name]) => `  ${name}) options=(${optionsOf(name).map(option).join(' ')}) ;;`),
    `  *) options=(${everywhere.map(option).join(' ')}) ;;`,
    'esac',
    "_arguments $options '1:command:{ _describe command commands }'",
    '',
  ].join('\n')
}

/** Returns the options that a command shows. */
function optionsOf(name: string): readonly Option[] {
  return [...optionsShown(name as CommandName), ...always]
}

function kindOf(name: string, { takes }: OptionSpec): Kind {
  if (name === 'firewall' || name === 'user') return name
  if (name === 'adopt' || name === 'undo') return 'lineage'
  return takes === 'DIRECTORY' ? 'directory' : takes === 'FILE' ? 'file' : 'other'
}
