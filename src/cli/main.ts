/** `certbot-nfq`: the command line for people. */
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { Failure } from '../failure.js'
import { COMMAND_SPECS, type CommandName } from './commands.js'
import { CLIENT_HOOKS, isClientName, type ClientName } from './client-hooks.js'
import { OPTION_SPECS, readOptions, splitHookWords, type OptionName, type OptionSpec, type Options } from './options.js'
import { reportFailure } from './report.js'
import { version } from './version.js'

const specs = Object.entries(OPTION_SPECS) as [OptionName, (typeof OPTION_SPECS)[OptionName]][]

const EPILOGUE = 'Every option can also be given as a variable: CERTBOT_NFQ_PORT, CERTBOT_NFQ_RUN_DIR and so on.'

const parser = yargs(hideBin(process.argv))
  .scriptName('certbot-nfq')
  // `--no-standalone` is an option of its own, not the negation of another.
  .parserConfiguration({ 'boolean-negation': false })
  .usage('$0 COMMAND [options]\n\nPasses ACME http-01 on a host whose port 80 belongs to another program.')
  .options(Object.fromEntries(specs.map(([name, spec]) => [name, optionFor(spec)])))
  .command('auth', COMMAND_SPECS.auth.describe, helpOf('auth'), async (argv) => {
    await (await import('./hook-command.js')).authCommand(optionsOf(argv))
  })
  .command('cleanup', COMMAND_SPECS.cleanup.describe, helpOf('cleanup'), async (argv) => {
    await (await import('./hook-command.js')).cleanupCommand(optionsOf(argv))
  })
  .command('serve', COMMAND_SPECS.serve.describe, helpOf('serve'), async (argv) => {
    const [{ serveCommand }, { readStanding }] = await Promise.all([
      import('./serve-webroots.js'),
      import('./standing-options.js'),
    ])
    await serveCommand(optionsOf(argv), argv['webroot'] as string[] | undefined, readStanding(argv))
  })
  .command('status', COMMAND_SPECS.status.describe, helpOf('status'), async (argv) => {
    await (await import('./status-command.js')).statusCommand(optionsOf(argv), argv['json'] === true)
  })
  .command('stop', COMMAND_SPECS.stop.describe, helpOf('stop'), async (argv) => {
    await (await import('./stop-command.js')).stopCommand(optionsOf(argv))
  })
  .command('watch', COMMAND_SPECS.watch.describe, helpOf('watch'), async (argv) => {
    await (await import('./watch-command.js')).watchCommand(optionsOf(argv), argv['json'] === true)
  })
  .command('doctor', COMMAND_SPECS.doctor.describe, helpOf('doctor'), async (argv) => {
    const { domain, resolver, json } = argv as { domain?: string[]; resolver?: string; json?: boolean }
    await (
      await import('./doctor-command.js')
    ).doctorCommand(optionsOf(argv), { names: domain ?? [], resolver, isJson: json === true })
  })
  .command('demo', COMMAND_SPECS.demo.describe, helpOf('demo'), async () => {
    await (await import('./demo-command.js')).demoCommand()
  })
  .command('install', COMMAND_SPECS.install.describe, helpOf('install'), async (argv) => {
    const { installCommand, readInstallRequest } = await import('./install-command.js')
    await installCommand(optionsOf(argv), readInstallRequest(argv))
  })
  .command('account', COMMAND_SPECS.account.describe, helpOf('account'), async (argv) => {
    const { accountCommand } = await import('./account-command.js')
    accountCommand(lastOf(argv['config-dir']), argv['json'] === true)
  })
  .example(
    'certbot certonly --manual --preferred-challenges http --manual-auth-hook "$(npm root -g)/certbot-nfq/hooks/auth" …',
    '',
  )
  .demandCommand(1, 1, 'Which command?', 'One command at a time.')
  .strict()
  .version(version)
  .help()
  .wrap(Math.min(110, process.stdout.columns || 80))
  .epilogue(`certbot-nfq COMMAND --help shows what a command takes, and an example. ${EPILOGUE}`)
  .fail((message, error: Error | undefined) => {
    // Complaints of yargs about the command line, or what a command has thrown.
    throw error === undefined || error.name === 'YError' ? new Failure('bad-option', message) : error
  })

// The words of a client are no options, whatever they look like. So yargs sees these commands for their help alone.
for (const name of Object.keys(CLIENT_HOOKS) as ClientName[])
  parser.command(`${name} [words..]`, CLIENT_HOOKS[name].describe, helpOf(name))

try {
  const [name, ...rest] = hideBin(process.argv)
  if (isClientName(name) && !splitHookWords(rest).options.includes('--help'))
    await (await import('./client-command.js')).clientCommand(name, rest)
  else await parser.parseAsync()
} catch (thrown) {
  reportFailure(thrown)
}

/** Returns what the help of one command shows: the options that have an effect on it, and an example. */
function helpOf(name: CommandName) {
  const { uses, describe, options = {}, example } = COMMAND_SPECS[name]
  const linger = isClientName(name) ? CLIENT_HOOKS[name].linger : undefined
  const ownDefault = linger && { linger: optionFor({ ...OPTION_SPECS.linger, default: linger }) }
  const own = Object.fromEntries(Object.entries(options).map(([option, spec]) => [option, optionFor(spec)]))
  const others = specs.filter(([option]) => !uses.includes(option))
  return (command: Argv) =>
    others
      .reduce(
        (command, [option]) => command.hide(option),
        command
          .usage(`$0 ${name} [options]\n\n${describe}`)
          .options({ ...own, ...ownDefault })
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
function optionsOf(argv: Readonly<Record<string, unknown>>): Options {
  const given = specs.flatMap(([name]): string[] => {
    const value: unknown = Array.isArray(argv[name]) ? argv[name].at(-1) : argv[name]
    if (value === true) return [`--${name}`]
    return typeof value === 'string' ? [`--${name}=${value}`] : []
  })
  return readOptions(given, process.env)
}
