/**
 * The table of options, for the hooks and for yargs. The hooks read them without a package, because they run once for
 * each name.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CHALLENGE_TYPES, isChallengeType, type ChallengeType } from '../challenge/challenge.js'
import { MAX_TTL } from '../control/message.js'
import { LOG_FORMATS, type LogFormat } from '../responder/log-format.js'
import { FIREWALL_CHOICES, type FirewallChoice } from '../firewall/choices.js'
import { Failure } from '../failure.js'
import { hasPassword } from '../store/has-password.js'

/** The options that every command takes, read and checked. */
export interface Options {
  /** Of http-01, and of all that concerns one port. */
  readonly port: number
  readonly dnsPort: number
  readonly tlsPort: number
  /** The zone of aliases, without dots at its ends; undefined: names are answered as they are. */
  readonly dnsAlias: string | undefined
  /** The types that a client which offers several may use. */
  readonly challenge: readonly ChallengeType[]
  readonly runDir: string
  readonly ttl: number
  readonly firewall: FirewallChoice
  readonly queueNum: number | undefined
  readonly mark: number
  /** An existing user; undefined stands for one that nothing else is. */
  readonly user: string | undefined
  readonly logFile: string | undefined
  readonly logFormat: LogFormat
  /** Seconds. */
  readonly linger: number
  readonly noSelfCheck: boolean
  readonly noStandalone: boolean
  /** Another hook, which is run after ours; absolute. */
  readonly then: string | undefined
  /** The URL of the store that a fleet shares. It may have a password in it if it comes from the environment. */
  readonly store: string | undefined
  /** Absolute, like the two others. */
  readonly storeSecretFile: string | undefined
  readonly storePasswordFile: string | undefined
  readonly storeCaFile: string | undefined
  /** What this machine is called in the fleet; undefined for its host name. */
  readonly storeName: string | undefined
  /** Seconds. */
  readonly storeTimeout: number
  readonly verbose: boolean
}

/** The name of an option, without its dashes. */
export type OptionName =
  | 'port'
  | 'dns-port'
  | 'tls-port'
  | 'dns-alias'
  | 'challenge'
  | 'run-dir'
  | 'ttl'
  | 'firewall'
  | 'queue-num'
  | 'mark'
  | 'user'
  | 'log-file'
  | 'log-format'
  | 'linger'
  | 'no-self-check'
  | 'no-standalone'
  | 'then'
  | 'store'
  | 'store-secret-file'
  | 'store-password-file'
  | 'store-ca-file'
  | 'store-name'
  | 'store-timeout'
  | 'verbose'

/** An option as help, manual page and completion show it. */
export interface OptionSpec {
  readonly describe: string
  /** What the option takes, for help; absent for a switch. */
  readonly takes?: string
  readonly default?: string
  /** One letter that stands for it. */
  readonly short?: string
  /** Whether it may be given several times. */
  readonly isList?: true
}

/** Every option, in the order of the help. */
export const OPTION_SPECS: Readonly<Record<OptionName, OptionSpec>> = {
  'port': { takes: 'NUMBER', default: '80', describe: 'port that the validator’s requests come to on this machine' },
  'dns-port': { takes: 'NUMBER', default: '53', describe: 'port that name servers ask this machine on, for dns-01' },
  'tls-port': { takes: 'NUMBER', default: '443', describe: 'port that tls-alpn-01’s validator comes to' },
  'dns-alias': {
    takes: 'ZONE',
    describe: 'for dns-01: answer _acme-challenge.NAME.ZONE, which _acme-challenge.NAME is an alias of',
  },
  'challenge': {
    takes: 'TYPES',
    default: 'http-01',
    describe: `what the hooks of uacme and acmetool take, with commas between: ${CHALLENGE_TYPES.join(', ')}`,
  },
  'run-dir': { takes: 'DIRECTORY', default: '/run/certbot-nfq', describe: 'where control socket and lock are' },
  'ttl': { takes: 'SECONDS', default: '3600', describe: 'forget a challenge that no cleanup hook came for' },
  'firewall': { takes: 'NAME', default: 'auto', describe: `how to install rules: ${FIREWALL_CHOICES.join(', ')}` },
  'queue-num': { takes: 'NUMBER', describe: 'NFQUEUE number (default: a free one)' },
  'mark': { takes: 'BIT', default: '0x400000', describe: 'bit of the connection mark that nothing else uses' },
  'user': { takes: 'NAME', describe: 'the responder gives root up for this user (default: one that nothing else is)' },
  'log-file': { takes: 'FILE', describe: 'append the responder’s log to this file' },
  'log-format': {
    takes: 'NAME',
    default: 'text',
    describe: `how lines of the log look: ${LOG_FORMATS.join(', ')} (one object a line)`,
  },
  'linger': { takes: 'SECONDS', default: '0', describe: 'let the responder stay so long after its last challenge' },
  'no-self-check': { describe: 'do not try whether a request gets through' },
  'no-standalone': { describe: 'do not serve a port that nobody listens on' },
  'then': { takes: 'FILE', describe: 'another hook, which is run after this one with the same arguments' },
  'store': {
    takes: 'URL',
    describe: 'tell every node of a fleet by this Redis: redis://HOST, rediss://USER@HOST:PORT',
  },
  'store-secret-file': { takes: 'FILE', describe: 'the secret that all nodes have, made by: certbot-nfq store-secret' },
  'store-password-file': { takes: 'FILE', describe: 'the password for the store, if it wants one' },
  'store-ca-file': {
    takes: 'FILE',
    describe: 'the authorities to trust with rediss: (default: those that Node trusts)',
  },
  'store-name': { takes: 'NAME', describe: 'what this node is called in the fleet (default: its host name)' },
  'store-timeout': { takes: 'SECONDS', default: '10', describe: 'how long a hook waits for the other nodes' },
  'verbose': { describe: 'log more' },
}

/** Longest time to linger, in seconds: an hour. Longer than that is the work of `serve`. */
const MAX_LINGER = 3_600

/** Longest time to wait for nodes, in seconds. */
const MAX_STORE_TIMEOUT = 300

const NAMES = Object.keys(OPTION_SPECS) as OptionName[]

/**
 * Reads flags, then `CERTBOT_NFQ_*` variables, then defaults, of which those given here come first.
 * @throws Failure `bad-option`
 */
export function readOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  defaults: Readonly<Partial<Record<OptionName, string | undefined>>> = {},
): Options {
  const flags = fromArguments(argv)
  // Every user of this machine can read the command line of a process.
  if (flags.store !== undefined && hasPassword(flags.store))
    throw new Failure('store-password', 'the URL of --store has a password in it, which others could read')
  const given = { ...fromEnvironment(environment), ...flags }
  const file = (name: OptionName) => (given[name] === undefined ? undefined : resolve(nonEmpty(name, given[name])))
  const text = (name: OptionName) => given[name] ?? defaults[name] ?? OPTION_SPECS[name].default
  const queue = text('queue-num')
  return {
    port: wholeNumber('port', text('port'), 1, 65535),
    dnsPort: wholeNumber('dns-port', text('dns-port'), 1, 65535),
    tlsPort: wholeNumber('tls-port', text('tls-port'), 1, 65535),
    dnsAlias: text('dns-alias') === undefined ? undefined : zoneName('dns-alias', text('dns-alias')),
    challenge: challengeTypes(text('challenge')),
    // Absolute, because the responder has a working directory of its own.
    runDir: resolve(nonEmpty('run-dir', text('run-dir'))),
    ttl: wholeNumber('ttl', text('ttl'), 1, MAX_TTL),
    firewall: oneOf('firewall', text('firewall'), FIREWALL_CHOICES),
    queueNum: queue === undefined ? undefined : wholeNumber('queue-num', queue, 0, 65535),
    mark: oneBit('mark', text('mark')),
    user: text('user') === undefined ? undefined : nonEmpty('user', text('user')),
    logFile: file('log-file'),
    logFormat: oneOf('log-format', text('log-format'), LOG_FORMATS),
    linger: wholeNumber('linger', text('linger'), 0, MAX_LINGER),
    noSelfCheck: isYes('no-self-check', given['no-self-check']),
    noStandalone: isYes('no-standalone', given['no-standalone']),
    then: file('then'),
    store: given.store === undefined ? undefined : nonEmpty('store', given.store),
    storeSecretFile: file('store-secret-file'),
    storePasswordFile: file('store-password-file'),
    storeCaFile: file('store-ca-file'),
    storeName: given['store-name'] === undefined ? undefined : nonEmpty('store-name', given['store-name']),
    storeTimeout: wholeNumber('store-timeout', text('store-timeout'), 1, MAX_STORE_TIMEOUT),
    verbose: isYes('verbose', given.verbose),
  }
}

/** Returns the port that the validator of a challenge type comes to. */
export function portFor(type: ChallengeType, { port, dnsPort, tlsPort }: Options): number {
  return { 'http-01': port, 'dns-01': dnsPort, 'tls-alpn-01': tlsPort }[type]
}

/** Returns the options as arguments, for the responder that a hook starts. There is no password in them. */
export function formatOptions(options: Options): string[] {
  const {
    port,
    dnsPort,
    tlsPort,
    dnsAlias,
    challenge,
    runDir,
    ttl,
    firewall,
    queueNum,
    mark,
    user,
    logFile,
    logFormat,
    linger,
    then,
  } = options
  const { store, storeSecretFile, storePasswordFile, storeCaFile, storeName, storeTimeout } = options
  const { noSelfCheck, noStandalone, verbose } = options
  const values = {
    port,
    'dns-port': dnsPort,
    'tls-port': tlsPort,
    'dns-alias': dnsAlias,
    'challenge': challenge.join(','),
    'run-dir': runDir,
    ttl,
    firewall,
    'queue-num': queueNum,
    mark,
    user,
    'log-file': logFile,
    'log-format': logFormat,
    linger,
    then,
    // A password in it is the environment's, and stays there.
    'store': store !== undefined && !hasPassword(store) ? store : undefined,
    'store-secret-file': storeSecretFile,
    'store-password-file': storePasswordFile,
    'store-ca-file': storeCaFile,
    'store-name': storeName,
    'store-timeout': storeTimeout,
  }
  const switches = { 'no-self-check': noSelfCheck, 'no-standalone': noStandalone, verbose }
  return [
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...Object.entries(switches).flatMap(([name, isOn]) => (isOn ? [`--${name}`] : [])),
  ]
}

/**
 * Divides what follows the name of a hook: options come first, and then the words of the client. The words begin with
 * the first that is no option, or after `--`. A token may begin like an option, so all that follows is the client's.
 */
export function splitHookWords(argv: readonly string[]): { options: string[]; words: string[] } {
  let at = 0
  for (let word = argv[at]; word?.startsWith('--') && word !== '--'; word = argv[at]) {
    const spec = OPTION_SPECS[word.slice(2) as OptionName] as OptionSpec | undefined
    at += spec?.takes === undefined ? 1 : 2
  }
  return { options: argv.slice(0, at), words: argv.slice(argv[at] === '--' ? at + 1 : at) }
}

function fromArguments(argv: readonly string[]): Partial<Record<OptionName, string>> {
  const options = Object.fromEntries(
    NAMES.map((name) => [name, { type: OPTION_SPECS[name].takes ? 'string' : 'boolean' } as const]),
  )
  try {
    const { values } = parseArgs({ args: [...argv], options, allowPositionals: false })
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
  } catch (error) {
    throw new Failure('bad-option', (error as Error).message.split('. ')[0] ?? '')
  }
}

/** Returns the name of the variable that stands for an option. */
export function variableOf(option: string): string {
  return `CERTBOT_NFQ_${option.toUpperCase().replaceAll('-', '_')}`
}

function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Record<OptionName, string>> {
  const given = NAMES.map((name) => [name, environment[variableOf(name)]] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ''))
}

function wholeNumber(name: OptionName, text: string | undefined, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text ?? '') ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new Failure('bad-option', `--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

function oneBit(name: OptionName, text: string | undefined): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text ?? '') ? Number(text) : NaN
  if (value > 0 && value <= 0x80000000 && Number.isInteger(Math.log2(value))) return value
  throw new Failure('bad-option', `--${name} must be a single bit such as 0x400000, not ${JSON.stringify(text)}`)
}

function oneOf<Choice extends string>(name: OptionName, text: string | undefined, choices: readonly Choice[]): Choice {
  const choice = choices.find((choice) => choice === text)
  if (choice) return choice
  throw new Failure('bad-option', `--${name} must be one of ${choices.join(', ')}, not ${JSON.stringify(text)}`)
}

function challengeTypes(text = ''): ChallengeType[] {
  const types = text.split(',').map((type) => type.trim())
  if (types.every(isChallengeType)) return [...new Set(types)]
  throw new Failure(
    'bad-option',
    `--challenge must be one of ${CHALLENGE_TYPES.join(', ')}, or several with commas between, not ${JSON.stringify(text)}`,
  )
}

function zoneName(name: OptionName, text = ''): string {
  const zone = text.toLowerCase().replace(/^\.|\.$/g, '')
  if (/^([a-z\d_-]{1,63}\.)*[a-z\d_-]{1,63}$/.test(zone) && zone.length < 200) return zone
  throw new Failure('bad-option', `--${name} must be the name of a zone, not ${JSON.stringify(text)}`)
}

function nonEmpty(name: OptionName, text: string | undefined): string {
  if (text && !text.includes('\0')) return text
  throw new Failure('bad-option', `--${name} must not be empty`)
}

function isYes(name: OptionName, text: string | undefined): boolean {
  if (text === undefined || /^(false|no|0)$/i.test(text)) return false
  if (/^(true|yes|1)$/i.test(text)) return true
  throw new Failure('bad-option', `--${name} must be true or false, not ${JSON.stringify(text)}`)
}
