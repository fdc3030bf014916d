/** `certbot-nfq`: the command line for people. */
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { Failure } from '../failure.js'
import { HOOKS_DIRECTORY } from '../client/certbot/hook-paths.js'
import { isClientName, type ClientName } from './client-hooks.js'
import { COMMAND_SPECS, optionsShown, type CommandName } from './commands.js'
import { describeMistake, readHelp } from './mistakes.js'
import { OPTION_SPECS, readOptions, splitHookWords, type OptionName, type OptionSpec, type Options } from './options.js'
import { reportFailure } from './report.js'
import { version } from './version.js'

type Arguments = Readonly<Record<string, unknown>>

const shared = Object.entries(OPTION_SPECS) as [OptionName, OptionSpec][]

const EPILOGUE = 'Every option can also be given as a variable: CERTBOT_NFQ_PORT, CERTBOT_NFQ_RUN_DIR and so on.'

/** What each command does but those of clients. Its code is loaded when it runs. */
const ACTIONS: Readonly<Record<Exclude<CommandName, ClientName>, (argv: Arguments) => Promise<void>>> = {
  'doctor': async (argv) => {
    const { name, domain, resolver, dns, tls, json } = argv as Partial<Record<'name' | 'domain', string[]>> & Arguments
    await (
      await import('./doctor/doctor-command.js')
    ).doctorCommand(optionsOf(argv), {
      names: [...(domain ?? []), ...(name ?? [])],
      resolver: resolver as string | undefined,
      isDns: dns === true,
      isTls: tls === true,
      isJson: json === true,
    })
  },
  'install': async (argv) => {
    const { installCommand, readInstallRequest } = await import('./install/install-command.js')
    await installCommand(optionsOf(argv), readInstallRequest(argv))
  },
  'status': async (argv) => (await import('./status-command.js')).statusCommand(optionsOf(argv), argv['json'] === true),
  'stop': async (argv) => (await import('./stop-command.js')).stopCommand(optionsOf(argv)),
  'watch': async (argv) =>
    (await import('./watch/watch-command.js')).watchCommand(optionsOf(argv), argv['json'] === true),
  'serve': async (argv) => {
    const [{ serveCommand }, { readStanding }] = await Promise.all([
      import('./serve/serve-webroots.js'),
      import('./serve/standing-options.js'),
    ])
    await serveCommand(optionsOf(argv), argv['webroot'] as string[] | undefined, readStanding(argv))
  },
  'account': async (argv) => {
    const { accountCommand } = await import('./account-command.js')
    accountCommand(lastOf(argv['config-dir']), argv['json'] === true)
  },
  'store-secret': async (argv) => (await import('../store/secret-file.js')).makeSecret(String(argv['file'])),
  'demo': async () => (await import('./demo-command.js')).demoCommand(),
  // Read before yargs is asked.
  'help': () => Promise.resolve(),
  'auth': async (argv) => (await import('./hook/hook-command.js')).authCommand(optionsOf(argv)),
  'cleanup': async (argv) => (await import('./hook/hook-command.js')).cleanupCommand(optionsOf(argv)),
}

try {
  const words = hideBin(process.argv)
  const [name, ...rest] = words
  // The words of a client are no options, whatever they look like. So yargs sees these commands for their help alone.
  if (isClientName(name) && !splitHookWords(rest).options.includes('--help'))
    await (await import('./hook/client-command.js')).clientCommand(name, rest)
  else await parser(readHelp(words)).parseAsync()
} catch (thrown) {
  reportFailure(thrown)
}

function parser(given: readonly string[]): Argv {
  const names = Object.keys(COMMAND_SPECS) as CommandName[]
  const all = yargs([...given])
    .scriptName('certbot-nfq')
    // `--no-standalone` is an option of its own, not the negation of another.
    .parserConfiguration({ 'boolean-negation': false })
    .usage('$0 COMMAND [options]\n\nPasses ACME challenges on a host whose port belongs to another program.')
    .options(Object.fromEntries(shared.map(([name, spec]) => [name, optionFor(spec)])))
  return names
    .reduce(
      (all, name) =>
        all.command(
          formOf(name),
          COMMAND_SPECS[name].describe,
          helpOf(name),
          isClientName(name) ? undefined : ACTIONS[name],
        ),
      all,
    )
    .example(
      `certbot certonly --dry-run --manual --preferred-challenges http --manual-auth-hook ${HOOKS_DIRECTORY}/auth --manual-cleanup-hook ${HOOKS_DIRECTORY}/cleanup -d example.com`,
      '',
    )
    .demandCommand(1, 'Which command?')
    .strict()
    .version(version)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns || 80))
    .epilogue(`certbot-nfq help COMMAND shows what a command takes, and an example. ${EPILOGUE}`)
    .fail((message, error: Error | undefined) => {
      // Complaints of yargs about the command line, or what a command has thrown.
      throw error === undefined || error.name === 'YError'
        ? new Failure('bad-option', describeMistake(message, given))
        : error
    })
}

function formOf(name: CommandName): string {
  return [name, COMMAND_SPECS[name].words].filter(Boolean).join(' ')
}

/** Returns what the help of one command shows: the options that have an effect on it, and an example. */
function helpOf(name: CommandName) {
  const { describe, options = {}, example } = COMMAND_SPECS[name]
  const shown = optionsShown(name).map(([option]) => option)
  const own = Object.fromEntries(Object.entries(options).map(([option, spec]) => [option, optionFor(spec)]))
  return (command: Argv) =>
    shared
      .filter(([option]) => !shown.includes(option))
      .reduce(
        (command, [option]) => command.hide(option),
        command
          .usage(`$0 ${formOf(name)} [options]\n\n${describe}`)
          .options(own)
          .group(Object.keys(own), `Options of ${name}:`)
          .example(example, ''),
      )
      .epilogue(EPILOGUE)
}

function optionFor({ describe, takes, default: defaultDescription, short, isList }: OptionSpec) {
  return {
    type: takes ? ('string' as const) : ('boolean' as const),
    describe,
    requiresArg: takes !== undefined,
    ...(defaultDescription && { defaultDescription }),
    ...(short && { alias: short }),
    ...(isList && { array: true, nargs: 1 }),
  }
}

/** Returns the last of the values that an option was given; undefined without any. @throws Failure `bad-option` */
function lastOf(value: unknown): string | undefined {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value
  if (last === '') throw new Failure('bad-option', 'an option must not be empty')
  return typeof last === 'string' ? last : undefined
}

/** Reads flags as yargs has found them, then variables, then defaults, by the rules of the hooks. */
function optionsOf(argv: Arguments): Options {
  const given = shared.flatMap(([name]): string[] => {
    const value: unknown = Array.isArray(argv[name]) ? argv[name].at(-1) : argv[name]
    if (value === true) return [`--${name}`]
    return typeof value === 'string' ? [`--${name}=${value}`] : []
  })
  return readOptions(given, process.env)
}
