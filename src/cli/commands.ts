/** The table of commands, for help, manual page and completion. */
import { CONFIG_DIRECTORY } from '../client/certbot/certbot.js'
import { HOOKS_DIRECTORY, PACKAGED_HOOKS } from '../client/certbot/hook-paths.js'
import { CLIENT_HOOKS, type ClientName } from './client-hooks.js'
import type { OptionName, OptionSpec } from './options.js'

/** A command as help, manual page and completion show it. */
export interface CommandSpec {
  readonly describe: string
  /** The options of OPTION_SPECS that have an effect. The others are accepted, and not shown. */
  readonly uses: readonly OptionName[]
  /** Its own options, besides those of OPTION_SPECS. */
  readonly options?: Readonly<Record<string, OptionSpec>>
  readonly example: string
}

/** The name of a command. */
export type CommandName =
  ClientName | 'auth' | 'cleanup' | 'serve' | 'status' | 'stop' | 'watch' | 'doctor' | 'demo' | 'install' | 'account'

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

/** Every command, in the order of the help. */
export const COMMAND_SPECS: Readonly<Record<CommandName, CommandSpec>> = {
  auth: {
    describe: 'hook: arm the challenge that certbot gives in its environment',
    uses: ['port', 'ttl', 'no-self-check', ...RESPONDER],
    example: 'CERTBOT_DOMAIN=… CERTBOT_TOKEN=… CERTBOT_VALIDATION=… certbot-nfq auth',
  },
  cleanup: {
    describe: 'hook: disarm it again; the last one ends the responder',
    uses: ['run-dir', 'verbose'],
    example: 'CERTBOT_TOKEN=… certbot-nfq cleanup',
  },
  ...clientCommands(),
  serve: {
    describe: 'run a responder in the foreground; hooks use it, and it stays until it is stopped',
    uses: ['port', 'ttl', ...RESPONDER.filter((name) => name !== 'linger')],
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
  status: {
    describe: 'what is armed, who asked, which rules are in force',
    uses: ['run-dir'],
    options: { json: { describe: 'for a program' } },
    example: 'certbot-nfq status --json',
  },
  stop: {
    describe: 'end the responder and remove its rules, also those of one that was killed',
    uses: ['run-dir'],
    example: 'certbot-nfq stop',
  },
  watch: {
    describe: 'show who asks for challenges and what the web server answers; changes nothing',
    uses: ['port', 'user'],
    options: { json: { describe: 'a line of JSON for each event, also on a terminal' } },
    example: 'certbot-nfq watch --port 8080',
  },
  doctor: {
    describe: 'before a rate limit is spent: what may keep a validation from passing; changes nothing',
    uses: ['port', 'run-dir', 'firewall', 'queue-num', 'mark', 'user', 'no-standalone'],
    options: {
      domain: { short: 'd', isList: true, takes: 'NAME', describe: 'a name to look up, several times for several' },
      resolver: { takes: 'ADDRESS', describe: 'the DNS server to ask (default: this machine’s)' },
      json: { describe: 'for a program' },
    },
    example: 'certbot-nfq doctor -d example.com -d www.example.com --resolver 1.1.1.1',
  },
  demo: {
    describe: 'get and renew a certificate from a test CA in network namespaces of its own, and show how',
    uses: [],
    example: 'certbot-nfq demo',
  },
  install: {
    describe: 'put the hooks at a path that stays, and show how certbot uses them',
    uses: ['port', 'ttl', 'no-self-check', ...RESPONDER],
    options: {
      'adopt': { takes: 'NAME', describe: 'change this lineage so that it is renewed by the hooks' },
      'config-dir': { takes: 'DIRECTORY', default: CONFIG_DIRECTORY, describe: 'certbot’s configuration' },
      'hooks-dir': {
        takes: 'DIRECTORY',
        default: HOOKS_DIRECTORY,
        describe: `where the hooks are to be (of the Debian package: ${PACKAGED_HOOKS})`,
      },
      'dry-run': { describe: 'show what would change, and change nothing' },
      'unsafe-owner': { describe: 'install although another user can change what root will run' },
      'remove': { describe: 'remove the hook paths again, if they are ours' },
    },
    example: 'certbot-nfq install --port 8080 --adopt example.com',
  },
  account: {
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
}

function clientCommands(): Record<ClientName, CommandSpec> {
  const specs = Object.entries(CLIENT_HOOKS).map(([name, { describe, example }]) => [
    name,
    { describe, example, uses: ['port', 'ttl', 'no-self-check', 'then', ...RESPONDER] },
  ])
  return Object.fromEntries(specs) as Record<ClientName, CommandSpec>
}
