import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import {
  certbotArguments,
  hookCommands,
  hookParameters,
  quoteForShell,
} from '../../../src/client/certbot/hook-command.js'
import { holds } from '../../holds.js'

t.test('both hooks get the same options', (t) => {
  const hooks = hookCommands('/usr/local/lib/certbot-nfq', ['--port=8080', '--log-file=/var/log/my log'])
  t.strictSame(hooks, {
    auth: `/usr/local/lib/certbot-nfq/auth --port=8080 '--log-file=/var/log/my log'`,
    cleanup: `/usr/local/lib/certbot-nfq/cleanup --port=8080 '--log-file=/var/log/my log'`,
  })
  t.strictSame(hookParameters(hooks, 'http-01'), {
    authenticator: 'manual',
    pref_challs: ['http-01'],
    manual_auth_hook: hooks.auth,
    manual_cleanup_hook: hooks.cleanup,
  })
  t.strictSame(certbotArguments(hooks, 'http-01').slice(-4), [
    '--manual-auth-hook',
    hooks.auth,
    '--manual-cleanup-hook',
    hooks.cleanup,
  ])
  for (const [type, preferred] of [
    ['http-01', 'http'],
    ['dns-01', 'dns'],
  ] as const) {
    t.strictSame(hookParameters(hooks, type)['pref_challs'], [type])
    t.strictSame(certbotArguments(hooks, type).slice(0, 3), ['--manual', '--preferred-challenges', preferred])
  }
  t.end()
})

t.test('properties', (t) => {
  const word = fc
    .string({
      unit: fc.oneof(fc.constantFrom(...'\'"$`\\%()!* '), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })),
    })
    .filter((text) => !text.includes('\0'))
  holds(
    t,
    'sh reads a quoted word as it was, also one within quotes',
    fc.property(word, (text) => {
      const printed = execFileSync(
        'sh',
        [
          '-c',
          `printf %s ${quoteForShell(text)}; printf '\\0'; eval ${quoteForShell(`printf %s ${quoteForShell(text)}`)}`,
        ],
        { encoding: 'utf8' },
      )
      return printed === `${text}\0${text}`
    }),
    { numRuns: 60 },
  )
  holds(
    t,
    'configobj finds nothing to put other values in',
    fc.property(word, (text) => !quoteForShell(text).includes('%(')),
  )
  t.end()
})
