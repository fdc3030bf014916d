/** `certbot-nfq`: the command line for people. */
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { Failure } from '../failure.js'
import { OPTION_SPECS, readOptions, type OptionName, type Options } from './options.js'
import { reportFailure } from './report.js'
import { version } from './version.js'

const specs = Object.entries(OPTION_SPECS) as [OptionName, (typeof OPTION_SPECS)[OptionName]][]

const parser = yargs(hideBin(process.argv))
  .scriptName('certbot-nfq')
  // `--no-standalone` is an option of that name, not the opposite of another.
  .parserConfiguration({ 'boolean-negation': false })
  .usage('$0 COMMAND [options]\n\nPasses ACME http-01 on a host whose port 80 belongs to another program.')
  .options(Object.fromEntries(specs.map(([name, spec]) => [name, optionFor(spec)])))
  .command('auth', 'hook: arm the challenge that certbot gives in its environment', {}, async (argv) => {
    await (await import('./hook-command.js')).authCommand(optionsOf(argv))
  })
  .command('cleanup', 'hook: disarm it again; the last one ends the responder', {}, async (argv) => {
    await (await import('./hook-command.js')).cleanupCommand(optionsOf(argv))
  })
  .command('serve', 'run a responder in the foreground; hooks use it, and it stays until it is stopped', {}, async (argv) => {
    process.exitCode = await (await import('./launch.js')).launchInForeground(optionsOf(argv))
  })
  .command('status', 'what is armed, who asked, which rules are in force', { json: { type: 'boolean', describe: 'for a program' } }, async (argv) => {
    await (await import('./status-command.js')).statusCommand(optionsOf(argv), argv['json'] === true)
  })
  .command('stop', 'end the responder and remove its rules, also those of one that was killed', {}, async (argv) => {
    await (await import('./stop-command.js')).stopCommand(optionsOf(argv))
  })
  .command('watch', 'show who asks for challenges and what the web server answers; changes nothing', watchOptions, async (argv) => {
    await (await import('./watch-command.js')).watchCommand(optionsOf(argv), argv['json'] === true)
  })
  .command('doctor', 'before a rate limit is spent: what may keep a validation from passing; changes nothing', doctorOptions, async (argv) => {
    const { domain, resolver, json } = argv
    await (await import('./doctor-command.js')).doctorCommand(optionsOf(argv), { names: domain ?? [], resolver, isJson: json === true })
  })
  .command('demo', 'get and renew a certificate from a test CA in network namespaces of its own, and show how', {}, async () => {
    await (await import('./demo-command.js')).demoCommand()
  })
  .example('certbot certonly --manual --preferred-challenges http --manual-auth-hook "$(npm root -g)/certbot-nfq/hooks/auth" …', '')
  .demandCommand(1, 1, 'Which command?', 'One command at a time.')
  .strict()
  .version(version)
  .help()
  .wrap(Math.min(110, process.stdout.columns || 80))
  .epilogue('Every option can also be given as a variable: CERTBOT_NFQ_PORT, CERTBOT_NFQ_RUN_DIR and so on.')
  .fail((message, error: Error | undefined) => {
    // yargs' own complaints about the command line, and what a command has thrown.
    throw error === undefined || error.name === 'YError' ? new Failure('bad-option', message) : error
  })

try {
  await parser.parseAsync()
} catch (thrown) {
  reportFailure(thrown)
}

function optionFor(spec: (typeof OPTION_SPECS)[OptionName]) {
  const defaultDescription = spec.default && { defaultDescription: spec.default }
  return { type: spec.takes ? ('string' as const) : ('boolean' as const), describe: spec.describe, requiresArg: spec.takes !== undefined, ...defaultDescription }
}

function watchOptions(command: Argv) {
  return command
    .option('json', { type: 'boolean', describe: 'a line of JSON for each event, also on a terminal' })
    .example('certbot-nfq watch', 'a table, until Ctrl-C')
    .example('certbot-nfq watch --port 8080 --json', 'for a program')
}

function doctorOptions(command: Argv) {
  return command
    .option('domain', { alias: 'd', type: 'string', array: true, nargs: 1, requiresArg: true, describe: 'a name to look up, several times for several' })
    .option('resolver', { type: 'string', requiresArg: true, describe: 'the DNS server to ask (default: this machine’s)' })
    .option('json', { type: 'boolean', describe: 'for a program' })
    .example('certbot-nfq doctor -d example.com -d www.example.com --resolver 1.1.1.1', '')
}

/** Flags as yargs found them, then variables, then defaults: by the same rules as in the hooks. */
function optionsOf(argv: Readonly<Record<string, unknown>>): Options {
  const given = specs.flatMap(([name]): string[] => {
    const value: unknown = Array.isArray(argv[name]) ? argv[name].at(-1) : argv[name]
    if (value === true) return [`--${name}`]
    return typeof value === 'string' ? [`--${name}=${value}`] : []
  })
  return readOptions(given, process.env)
}
