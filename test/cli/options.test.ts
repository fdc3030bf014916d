import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { CHALLENGE_TYPES } from '../../src/challenge/challenge.js'
import { formatOptions, OPTION_SPECS, readOptions, type OptionName, type Options } from '../../src/cli/options.js'
import { MAX_TTL } from '../../src/control/message.js'
import { Failure } from '../../src/failure.js'
import { LOG_FORMATS } from '../../src/responder/log-format.js'
import { FIREWALL_CHOICES } from '../../src/firewall/choices.js'
import { holds } from '../holds.js'

const defaults: Options = {
  port: 80,
  dnsPort: 53,
  tlsPort: 443,
  dnsAlias: undefined,
  challenge: ['http-01'],
  runDir: '/run/certbot-nfq',
  ttl: 3600,
  firewall: 'auto',
  queueNum: undefined,
  mark: 0x400000,
  user: undefined,
  logFile: undefined,
  logFormat: 'text',
  linger: 0,
  noSelfCheck: false,
  noStandalone: false,
  then: undefined,
  store: undefined,
  storeSecretFile: undefined,
  storePasswordFile: undefined,
  storeCaFile: undefined,
  storeName: undefined,
  storeTimeout: 10,
  verbose: false,
}

/** For each option a flag, a variable and what they mean. */
const examples: readonly (readonly [OptionName, string, string, Partial<Options>, Partial<Options>])[] = [
  ['port', '8080', '81', { port: 8080 }, { port: 81 }],
  ['dns-port', '5353', '54', { dnsPort: 5353 }, { dnsPort: 54 }],
  ['dns-alias', 'auth.example.net', 'B.example.', { dnsAlias: 'auth.example.net' }, { dnsAlias: 'b.example' }],
  ['challenge', 'dns-01', 'http-01, dns-01', { challenge: ['dns-01'] }, { challenge: ['http-01', 'dns-01'] }],
  ['tls-port', '8443', '444', { tlsPort: 8443 }, { tlsPort: 444 }],
  ['run-dir', '/run/flag', '/run/variable', { runDir: '/run/flag' }, { runDir: '/run/variable' }],
  ['ttl', '60', '61', { ttl: 60 }, { ttl: 61 }],
  ['firewall', 'iptables-legacy', 'iptables', { firewall: 'iptables-legacy' }, { firewall: 'iptables' }],
  ['queue-num', '0', '7', { queueNum: 0 }, { queueNum: 7 }],
  ['mark', '0x1', '2', { mark: 1 }, { mark: 2 }],
  ['user', 'daemon', 'nobody', { user: 'daemon' }, { user: 'nobody' }],
  ['log-file', '/var/log/flag', '/var/log/variable', { logFile: '/var/log/flag' }, { logFile: '/var/log/variable' }],
  ['log-format', 'json', 'json', { logFormat: 'json' }, { logFormat: 'json' }],
  [
    'then',
    '/usr/local/bin/flag',
    '/usr/local/bin/variable',
    { then: '/usr/local/bin/flag' },
    { then: '/usr/local/bin/variable' },
  ],
  ['store', 'redis://a', 'redis://u:p@b', { store: 'redis://a' }, { store: 'redis://u:p@b' }],
  ['store-secret-file', '/a', '/b', { storeSecretFile: '/a' }, { storeSecretFile: '/b' }],
  ['store-password-file', '/a', '/b', { storePasswordFile: '/a' }, { storePasswordFile: '/b' }],
  ['store-ca-file', '/a', '/b', { storeCaFile: '/a' }, { storeCaFile: '/b' }],
  ['store-name', 'web1', 'web2', { storeName: 'web1' }, { storeName: 'web2' }],
  ['store-timeout', '1', '300', { storeTimeout: 1 }, { storeTimeout: 300 }],
  ['linger', '10', '3600', { linger: 10 }, { linger: 3600 }],
]

t.test('without anything there are the defaults', (t) => {
  t.strictSame(readOptions([], {}), defaults)
  t.strictSame(
    readOptions([], { CERTBOT_NFQ_PORT: '', CERTBOT_NFQ_LOG_FILE: '', PORT: '81' }),
    defaults,
    'an empty variable is none',
  )
  t.end()
})

t.test('a variable comes before the default, and a flag before both', (t) => {
  t.strictSame(
    examples
      .map(([name]) => name)
      .concat('no-self-check', 'no-standalone', 'verbose')
      .sort(),
    Object.keys(OPTION_SPECS).sort(),
    'each option is looked at',
  )
  for (const [name, flag, variable, byFlag, byVariable] of examples) {
    const environment = { [`CERTBOT_NFQ_${name.toUpperCase().replaceAll('-', '_')}`]: variable }
    t.strictSame(readOptions([], environment), { ...defaults, ...byVariable }, `${name} by variable`)
    t.strictSame(readOptions([`--${name}=${flag}`], environment), { ...defaults, ...byFlag }, `--${name}=`)
    t.strictSame(readOptions([`--${name}`, flag], environment), { ...defaults, ...byFlag }, `--${name}`)
  }
  t.end()
})

t.test('a switch is a flag alone, or a variable that says yes or no', (t) => {
  t.equal(readOptions(['--verbose'], { CERTBOT_NFQ_VERBOSE: 'no' }).verbose, true)
  t.equal(readOptions(['--no-self-check'], {}).noSelfCheck, true)
  t.equal(readOptions(['--no-standalone'], {}).noStandalone, true)
  t.equal(readOptions([], { CERTBOT_NFQ_NO_STANDALONE: '1' }).noStandalone, true)
  for (const yes of ['true', 'yes', '1', 'YES'])
    t.equal(readOptions([], { CERTBOT_NFQ_VERBOSE: yes }).verbose, true, yes)
  for (const no of ['false', 'no', '0', 'No', ''])
    t.equal(readOptions([], { CERTBOT_NFQ_VERBOSE: no }).verbose, false, no)
  t.end()
})

t.test('of one flag given twice, the last counts', (t) => {
  t.equal(readOptions(['--port', '81', '--port', '82'], {}).port, 82)
  t.end()
})

t.test('a bad value is refused by the name of its option, from wherever it comes', (t) => {
  const table: readonly (readonly [OptionName, readonly string[]])[] = [
    ['port', ['0', '65536', '-1', '80.5', '8e1', '0x50', ' 80', '80 ', 'http', '1'.repeat(10), '٨٠']],
    ['ttl', ['0', `${MAX_TTL + 1}`, '1h', '-60', 'Infinity']],
    ['queue-num', ['65536', '-1', 'any', '1.0']],
    ['mark', ['0', '0x0', '3', '0x3', '0x100000000', '4294967296', '-1', 'mark', '0x', '1.5', '0x400000/0x400000']],
    ['firewall', ['nftables', 'Auto', 'iptables ', 'toString']],
    ['run-dir', ['/run/\0x']],
    ['log-file', ['/var/log/\0x']],
    ['challenge', ['dns', 'http-01,', 'toString']],
    ['dns-alias', ['*.example.com', 'a..b', 'a b', '.', 'x'.repeat(64)]],
  ]
  for (const [name, values] of table) {
    for (const value of values) {
      const refused = { name: 'Failure', code: 'bad-option', message: new RegExp(`^--${name} must `) }
      t.throws(() => readOptions([`--${name}=${value}`], {}), refused, `--${name}=${JSON.stringify(value)}`)
      t.throws(
        () => readOptions([], { [`CERTBOT_NFQ_${name.toUpperCase().replace('-', '_')}`]: value }),
        refused,
        `${name} by variable`,
      )
    }
  }
  for (const [name] of examples) t.throws(() => readOptions([`--${name}=`], {}), { code: 'bad-option' }, `--${name}=`)
  t.throws(() => readOptions([], { CERTBOT_NFQ_VERBOSE: 'perhaps' }), {
    code: 'bad-option',
    message: '--verbose must be true or false, not "perhaps"',
  })
  t.end()
})

t.test('a flag that does not exist, lacks its value or has one too many is refused, as is any other word', (t) => {
  for (const argv of [
    ['--bogus'],
    ['--port'],
    ['--port', '--verbose'],
    ['--verbose=yes'],
    ['80'],
    ['-p', '80'],
    ['--'],
    ['--no-verbose'],
  ]) {
    if (argv[0] === '--') t.strictSame(readOptions(argv, {}), defaults, 'two dashes alone say nothing')
    else t.throws(() => readOptions(argv, {}), { code: 'bad-option', message: /./ }, argv.join(' '))
  }
  t.end()
})

t.test('every single bit is a mark', (t) => {
  for (let bit = 0; bit < 32; bit++) {
    t.equal(readOptions([`--mark=${2 ** bit}`], {}).mark, 2 ** bit)
    t.equal(readOptions([`--mark=0x${(2 ** bit).toString(16)}`], {}).mark, 2 ** bit)
  }
  t.end()
})

t.test(
  'a relative path means the directory the hook was called in, for the responder it starts runs elsewhere',
  (t) => {
    t.equal(readOptions(['--run-dir=run'], {}).runDir, resolve('run'))
    t.equal(readOptions(['--log-file=log'], {}).logFile, resolve('log'))
    t.end()
  },
)

const paths = fc
  .array(fc.string({ unit: fc.constantFrom(...'aZ0-_ ="\'ü$\\'), minLength: 1, maxLength: 8 }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((names) => `/${names.join('/')}`)
const anyOptions: fc.Arbitrary<Options> = fc.record(
  {
    port: fc.integer({ min: 1, max: 65535 }),
    dnsPort: fc.integer({ min: 1, max: 65535 }),
    tlsPort: fc.integer({ min: 1, max: 65535 }),
    dnsAlias: fc.constantFrom(undefined, 'auth.example.net'),
    challenge: fc.uniqueArray(fc.constantFrom(...CHALLENGE_TYPES), { minLength: 1 }),
    runDir: paths,
    ttl: fc.integer({ min: 1, max: MAX_TTL }),
    firewall: fc.constantFrom(...FIREWALL_CHOICES),
    queueNum: fc.option(fc.integer({ min: 0, max: 65535 }), { nil: undefined }),
    mark: fc.nat(31).map((bit) => 2 ** bit),
    user: fc.constantFrom(undefined, 'www-data', '65534'),
    logFile: fc.option(paths, { nil: undefined }),
    logFormat: fc.constantFrom(...LOG_FORMATS),
    linger: fc.integer({ min: 0, max: 3_600 }),
    noSelfCheck: fc.boolean(),
    noStandalone: fc.boolean(),
    then: fc.option(paths, { nil: undefined }),
    store: fc.constantFrom(undefined, 'redis://a', 'rediss+sentinel://user@a,b/main'),
    storeSecretFile: fc.option(paths, { nil: undefined }),
    storePasswordFile: fc.option(paths, { nil: undefined }),
    storeCaFile: fc.option(paths, { nil: undefined }),
    storeName: fc.constantFrom(undefined, 'web1'),
    storeTimeout: fc.integer({ min: 1, max: 300 }),
    verbose: fc.boolean(),
  },
  { noNullPrototype: true },
)

t.test('a password is read from the environment, and never stands on a command line', (t) => {
  const url = 'rediss://user:s3cret@store'
  t.equal(readOptions([], { CERTBOT_NFQ_STORE: url }).store, url)
  t.throws(() => readOptions([`--store=${url}`], {}), { code: 'store-password', message: /^(?!.*s3cret)/ })
  t.notMatch(formatOptions(readOptions([], { CERTBOT_NFQ_STORE: url })).join(' '), /s3cret/)
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'options are read back as they were formatted',
    fc.property(anyOptions, (options) => isDeepStrictEqual(readOptions(formatOptions(options), {}), options)),
  )
  const words = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom(...Object.keys(OPTION_SPECS)), fc.string()).map(([name, value]) => `--${name}=${value}`),
  )
  holds(
    t,
    'whatever the arguments, they are read or refused by a Failure',
    fc.property(fc.array(words, { maxLength: 3 }), (argv) => {
      try {
        readOptions(argv, {})
        return true
      } catch (thrown) {
        return thrown instanceof Failure && thrown.code === 'bad-option' && thrown.message !== ''
      }
    }),
  )
  t.end()
})
