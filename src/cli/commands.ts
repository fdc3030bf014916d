/** The table of commands, for help, manual page and completion. */
import { CONFIG_DIRECTORY } from '../client/certbot/certbot.js'
import { HOOKS_DIRECTORY } from '../client/certbot/hook-paths.js'
import { CLIENT_HOOKS, type ClientName } from './client-hooks.js'
import { COMMAND_DIRECTORY } from './install/command-link.js'
import { OPTION_SPECS, type OptionName, type OptionSpec } from './options.js'

/** A command as help, manual page and completion show it. */
export interface CommandSpec {
  readonly describe: string
  /** The words that it takes besides options, as yargs writes it: `[name..]`. Absent when it takes none. */
  readonly words?: string
  /** The options of OPTION_SPECS that have an effect. The others are accepted, and not shown. */
  readonly uses: readonly OptionName[]
  /** Its own options. One with a name of OPTION_SPECS stands in its place. */
  readonly options?: Readonly<Record<string, OptionSpec>>
  readonly example: string
}

/** The name of a command. */
export type CommandName =
  | ClientName
  | 'doctor'
  | 'install'
  | 'status'
  | 'stop'
  | 'watch'
  | 'serve'
  | 'account'
  | 'store-secret'
  | 'demo'
  | 'help'
  | 'auth'
  | 'cleanup'

/** The ports that validators come to, one for each challenge type. */
const PORTS: readonly OptionName[] = ['port', 'dns-port', 'tls-port']

/** The options of a responder. */
const RESPONDER: readonly OptionName[] = [
  'run-dir',
  'firewall',
  'queue-num',
  'mark',
  'user',
  'log-file',
  'log-format',
  'linger',
  'no-standalone',
  'verbose',
]

/** The options of a store that a fleet shares, for hooks and nodes alike. */
const STORE: readonly OptionName[] = [
  'store',
  'store-secret-file',
  'store-password-file',
  'store-ca-file',
  'store-name',
]

/** Every command, in the order of the help: what a person runs first comes first, what certbot runs last. */
export const COMMAND_SPECS: Readonly<Record<CommandName, CommandSpec>> = {
  'doctor': {
    describe: 'before a rate limit is spent: what may keep a validation from passing; changes nothing',
    words: '[name..]',
    uses: [
      'port',
      'dns-port',
      'tls-port',
      'dns-alias',
      'run-dir',
      'firewall',
      'queue-num',
      'mark',
      'user',
      'no-standalone',
      ...STORE,
    ],
    options: {
      domain: { short: 'd', isList: true, takes: 'NAME', describe: 'a name to look up, several times for several' },
      resolver: { takes: 'ADDRESS', describe: 'the DNS server to ask (default: this machine’s)' },
      dns: { describe: 'the names are to be validated by dns-01: look where their challenges lead' },
      tls: { describe: 'the names are to be validated by tls-alpn-01: look at port 443' },
      json: { describe: 'for a program' },
    },
    example: 'certbot-nfq doctor example.com www.example.com --resolver 1.1.1.1',
  },
  'install': {
    describe: 'put hooks and command at paths that stay, and show how certbot uses them; or change a lineage',
    uses: [...PORTS, 'dns-alias', 'challenge', 'ttl', 'no-self-check', 'then', ...RESPONDER, ...STORE, 'store-timeout'],
    options: {
      'adopt': {
        takes: 'NAME',
        describe: 'change this lineage so that it is renewed by the hooks; with --client, this file or directory',
      },
      'client': {
        takes: 'NAME',
        describe: `for another client than certbot: ${Object.keys(CLIENT_HOOKS).join(', ')}`,
      },
      'undo': { takes: 'NAME', describe: 'give this lineage back what it had before it was adopted' },
      'remove': { describe: 'remove hook paths and command again, if they are ours and no lineage needs them' },
      'dry-run': { describe: 'show what would change, and change nothing' },
      'force': { describe: 'remove what lineages need; change one that uses dns-01, or without a rehearsal' },
      'config-dir': { takes: 'DIRECTORY', default: CONFIG_DIRECTORY, describe: 'certbot’s configuration' },
      'hooks-dir': { takes: 'DIRECTORY', default: HOOKS_DIRECTORY, describe: 'where the hooks are to be' },
      'bin-dir': { takes: 'DIRECTORY', default: COMMAND_DIRECTORY, describe: 'where the command is to be' },
      'unsafe-owner': { describe: 'install although another user can change what root will run' },
    },
    example: 'certbot-nfq install --port 8080 --adopt example.com',
  },
  'status': {
    describe: 'what is armed, who asked, which rules are in force',
    uses: ['run-dir'],
    options: {
      json: { describe: 'for a program' },
      verbose: { describe: 'every counter (docs/options.md explains them)' },
    },
    example: 'certbot-nfq status --verbose',
  },
  'stop': {
    describe: 'end the responder and remove its rules, also those of one that was killed',
    uses: ['run-dir'],
    example: 'certbot-nfq stop',
  },
  'watch': {
    describe: 'show who asks for challenges of any type on --port, and what is answered; changes nothing',
    uses: ['port', 'user'],
    options: { json: { describe: 'a line of JSON for each event, also on a terminal' } },
    example: 'certbot-nfq watch --port 53',
  },
  'serve': {
    describe: 'run a responder in the foreground; hooks use it, and it stays until it is stopped',
    uses: [...PORTS, 'ttl', 'no-self-check', ...RESPONDER.filter((name) => name !== 'linger'), ...STORE],
    options: {
      webroot: {
        takes: 'DIRECTORY',
        isList: true,
        describe:
          'arm what other ACME clients write into DIRECTORY/.well-known/acme-challenge, several times for several',
      },
      account: {
        takes: 'THUMBPRINT',
        describe: 'answer any token on --port for this account, as certbot-nfq account shows it',
      },
      name: {
        takes: 'NAME',
        isList: true,
        describe: 'with --account, for this name only, or *.NAME; several times for several',
      },
      listen: { describe: 'with --account, listen on the port while nobody else does' },
    },
    example: 'certbot-nfq serve --webroot /var/www/html',
  },
  'account': {
    describe: 'show the thumbprints of the ACME accounts on this machine, for serve --account',
    uses: [],
    options: {
      'config-dir': {
        takes: 'DIRECTORY',
        describe: 'where certbot or another client keeps its accounts (default: the usual places)',
      },
      'json': { describe: 'for a program' },
    },
    example: 'certbot-nfq account --config-dir /etc/letsencrypt',
  },
  'store-secret': {
    describe: 'make the secret that all nodes of a fleet have, for --store-secret-file',
    words: '<file>',
    uses: [],
    example: 'certbot-nfq store-secret /etc/certbot-nfq/store.secret',
  },
  'demo': {
    describe: 'get and renew a certificate from a test CA in network namespaces of its own, and show how',
    uses: [],
    example: 'certbot-nfq demo',
  },
  'help': {
    describe: 'show this, or what one command takes',
    words: '[command]',
    uses: [],
    example: 'certbot-nfq help doctor',
  },
  ...clientCommands(),
  'auth': {
    describe: `what ${HOOKS_DIRECTORY}/auth runs: arm the challenge that certbot gives in its environment`,
    uses: [...PORTS, 'dns-alias', 'ttl', 'no-self-check', ...RESPONDER, ...STORE, 'store-timeout'],
    example: `certbot certonly --manual --manual-auth-hook "${HOOKS_DIRECTORY}/auth --port 8080" …`,
  },
  'cleanup': {
    describe: `what ${HOOKS_DIRECTORY}/cleanup runs: disarm it again; the last one ends the responder`,
    uses: ['run-dir', 'verbose', ...STORE, 'store-timeout'],
    example: `certbot certonly --manual --manual-cleanup-hook ${HOOKS_DIRECTORY}/cleanup …`,
  },
}

/** Returns the options that a command shows, in order: its own, then those that all commands share. */
export function optionsShown(name: CommandName): readonly (readonly [string, OptionSpec])[] {
  const { uses, options = {} } = COMMAND_SPECS[name]
  return [...Object.entries(options), ...uses.map((option) => [option, OPTION_SPECS[option]] as const)]
}

function clientCommands(): Record<ClientName, CommandSpec> {
  const specs = Object.entries(CLIENT_HOOKS).map(([name, { describe, example }]) => [
    name,
    {
      describe,
      words: '[words..]',
      example,
      uses: [
        ...PORTS,
        'dns-alias',
        'challenge',
        'ttl',
        'no-self-check',
        'then',
        ...RESPONDER,
        ...STORE,
        'store-timeout',
      ],
    },
  ])
  return Object.fromEntries(specs) as Record<ClientName, CommandSpec>
}
