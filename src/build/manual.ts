/**
 * The manual pages, made from the tables of the command line, so they cannot name an option that does not exist. Pure.
 */
import { COMMAND_SPECS } from '../cli/commands.js'
import { HOOKS_DIRECTORY } from '../client/certbot/hook-paths.js'
import { OPTION_SPECS, type OptionSpec, variableOf } from '../cli/options.js'

type Specs = Readonly<Record<string, OptionSpec>>

/** Returns pages of section 8 in the man macros of roff, by file name. */
export function manualPages(version: string): Readonly<Record<string, string>> {
  return {
    'certbot-nfq.8': page('certbot-nfq', version, 'pass ACME challenges on a port that belongs to another program', [
      section('SYNOPSIS', ['.B certbot-nfq', '.I COMMAND', '.RI [ options ]']),
      section('DESCRIPTION', [
        text(
          'Two hooks for certbot’s manual plugin. Firewall rules pick out the packets that may begin a request for a challenge and hand them to a short-lived responder, which answers for the web server, whatever that is. All other packets pass untouched.',
        ),
        '.PP',
        text('Nothing needs to be configured or restarted, and no port be free. certbot must run as root.'),
      ]),
      section(
        'COMMANDS',
        Object.entries(COMMAND_SPECS).flatMap(([name, { describe, words, uses, options = {} }]) => [
          '.TP',
          words === undefined ? `.B ${escape(name)}` : `.BI ${escape(name)} " ${escape(words)}"`,
          text(`${describe}.`),
          ...nested(options, uses),
        ]),
      ),
      section('OPTIONS', [
        text(
          'Each command accepts these, and says which have an effect on it. A flag wins over its variable, that over the default.',
        ),
        ...described(OPTION_SPECS),
      ]),
      section('ENVIRONMENT', [
        ...Object.entries(OPTION_SPECS).flatMap(([name]) => [
          '.TP',
          `.B ${escape(variableOf(name))}`,
          text(`as --${name}`),
        ]),
        ...['.TP', '.B CERTBOT_NFQ_NODE', text('the Node to run with')],
      ]),
      section('EXIT STATUS', [
        text(
          '0 when all is well; 1 otherwise, with cause, advice and a code on standard error. certbot ignores the status of hooks.',
        ),
      ]),
      section('FILES', [
        ...['.TP', '.I /run/certbot\\-nfq', text('control socket and lock, while something is armed')],
        ...['.TP', `.I ${escape(HOOKS_DIRECTORY)}`, text('the hooks, auth and cleanup')],
      ]),
      section(
        'EXAMPLES',
        Object.values(COMMAND_SPECS).flatMap(({ example }) => ['.EX', escape(example), '.EE']),
      ),
      section('SEE ALSO', [
        '.BR certbot\\-nfq\\-auth (8),',
        '.BR certbot\\-nfq\\-cleanup (8),',
        '.BR certbot (1),',
        '.BR nft (8),',
        '.BR iptables (8)',
      ]),
    ]),
    'certbot-nfq-auth.8': hookPage(
      'auth',
      version,
      'arms the challenge in its environment, and starts a responder when there is none',
      [
        ['CERTBOT_DOMAIN', 'the name that is validated; CERTBOT_IDENTIFIER since certbot 5.3'],
        ['CERTBOT_TOKEN', 'the token of http-01; without one it is dns-01'],
        ['CERTBOT_VALIDATION', 'the key authorization that is served, or with dns-01 the value of the TXT record'],
      ],
    ),
    'certbot-nfq-cleanup.8': hookPage(
      'cleanup',
      version,
      'disarms the challenge in its environment; the last one ends the responder and its rules',
      [
        ['CERTBOT_TOKEN', 'the token of http-01'],
        ['CERTBOT_VALIDATION', 'the value of dns-01, without a token'],
      ],
    ),
  }
}

function hookPage(
  name: 'auth' | 'cleanup',
  version: string,
  does: string,
  variables: readonly (readonly [string, string])[],
): string {
  return page(`certbot-nfq-${name}`, version, `certbot’s manual ${name} hook for http-01 and dns-01`, [
    section('SYNOPSIS', [
      `.B certbot certonly \\-\\-manual \\-\\-preferred\\-challenges http \\-\\-manual\\-${name}\\-hook`,
      `.RI \\(dq${escape(HOOKS_DIRECTORY)}/${name} " " [ options ]\\(dq`,
    ]),
    section('DESCRIPTION', [
      text(`It ${does}. It is silent when all is well. Certbot runs it; the options follow its path, within quotes.`),
    ]),
    section(
      'ENVIRONMENT',
      variables.flatMap(([variable, meaning]) => ['.TP', `.B ${variable}`, text(meaning)]),
    ),
    section('OPTIONS', described(OPTION_SPECS)),
    section('SEE ALSO', ['.BR certbot\\-nfq (8),', '.BR certbot (1)']),
  ])
}

function page(name: string, version: string, summary: string, sections: readonly string[]): string {
  const head = [
    `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 8 "" "certbot\\-nfq ${version}" "System Administration"`,
    '.SH NAME',
    `${escape(name)} \\- ${escape(summary)}`,
  ]
  return `${[...head, ...sections].join('\n')}\n`
}

function section(title: string, lines: readonly string[]): string {
  return [`.SH ${title}`, ...lines].join('\n')
}

function described(specs: Specs): string[] {
  return Object.entries(specs).flatMap(([name, { takes, describe, default: value, short }]) => {
    const given = takes === undefined ? '' : ` ${takes}`
    return [
      '.TP',
      `.BI ${escape(`--${name}`)}${given === '' ? '' : ` "${given}"`}`,
      text(
        `${describe}${value === undefined ? '' : ` (default: ${value})`}${short === undefined ? '' : ` (short: -${short})`}`,
      ),
    ]
  })
}

/** Returns the options of one command, indented below it: its own, and the names of those that all share. */
function nested(own: Specs, uses: readonly string[]): string[] {
  const shared =
    uses.length === 0 ? [] : ['.PP', text(`Of the options below: ${uses.map((name) => `--${name}`).join(', ')}.`)]
  const lines = [...described(own), ...shared]
  return lines.length === 0 ? [] : ['.RS', ...lines, '.RE']
}

/** Returns a line of running text. A full stop or a quote at its beginning would be a request of roff. */
function text(sentence: string): string {
  return escape(sentence).replace(/^[.']/, '\\&$&')
}

function escape(words: string): string {
  return words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('’', '\\(cq').replaceAll('…', '...')
}
