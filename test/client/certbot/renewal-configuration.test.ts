import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { hookCommands, hookParameters } from '../../../src/client/certbot/hook-command.js'
import { readRenewalParameters, setRenewalParameters } from '../../../src/client/certbot/renewal-configuration.js'
import { holds } from '../../holds.js'
import { seed } from '../../seed.js'
import { value, WEBROOT } from './renewal-text.js'

const hooks = hookParameters(hookCommands('/x', ['--port=81']), 'http-01')
const params = fc.dictionary(
  fc.constantFrom('account', 'authenticator', 'pref_challs', 'manual_auth_hook', 'server', 'new_one'),
  value,
  { noNullPrototype: true },
)

t.test('what is there is replaced in its place, what is not follows the last entry, and all else stays', (t) => {
  const expected = WEBROOT.replace('authenticator = webroot # until', 'authenticator = manual # until').replace(
    'key_type = ecdsa\n',
    'key_type = ecdsa\npref_challs = http-01,\nmanual_auth_hook = /x/auth --port=81\nmanual_cleanup_hook = /x/cleanup --port=81\n',
  )
  t.equal(setRenewalParameters(WEBROOT, hooks), expected)
  t.end()
})

t.test('line ends, a missing one at the end, and values over several lines are as they were', (t) => {
  t.equal(setRenewalParameters('[renewalparams]\r\na = b\r\n', { c: 'd' }), '[renewalparams]\r\na = b\r\nc = d\r\n')
  t.equal(setRenewalParameters('[renewalparams]\na = b', { c: 'd' }), '[renewalparams]\na = b\nc = d\n')
  t.equal(setRenewalParameters('[renewalparams]', { c: 'd' }), '[renewalparams]\nc = d\n')
  t.equal(
    setRenewalParameters("[renewalparams]\na = '''b\nc = x\n''' # y\n[[s]]\n", { c: 'd' }),
    "[renewalparams]\na = '''b\nc = x\n''' # y\nc = d\n[[s]]\n",
  )
  t.equal(setRenewalParameters("[renewalparams]\na = '''b\nc'''\n", { a: 'd' }), '[renewalparams]\na = d\n')
  t.equal(
    setRenewalParameters('[renewalparams]\n[other]\na = b\n', { a: 'c' }),
    '[renewalparams]\na = c\n[other]\na = b\n',
  )
  t.end()
})

t.test('what means the same already is left as it is written', (t) => {
  const text = `[renewalparams]\nauthenticator = "manual"\npref_challs = http-01\nmanual_auth_hook = '/x/auth --port=81'\nmanual_cleanup_hook = /x/cleanup --port=81\n`
  t.equal(setRenewalParameters(text, hooks), text)
  t.end()
})

t.test('what is no renewal configuration is said to be none, with the line', (t) => {
  const table = {
    '': /no section/,
    'a = b\n[[renewalparams]]\n': /no section/,
    '[renewalparams]\nnonsense\n': /line 2 is neither/,
    '[renewalparams]\na = "b\n': /line 2 has no end/,
    "[renewalparams]\na = '''b\n": /line 2 has no end/,
    '[renewalparams]\na = 1\na = 2\n': /a twice/,
  }
  for (const [text, message] of Object.entries(table))
    t.throws(() => setRenewalParameters(text, hooks), { code: 'renewal-malformed', message }, text)
  t.end()
})

t.test('properties', (t) => {
  holds(
    t,
    'what is set is read',
    fc.property(params, (wanted) => {
      const got = readRenewalParameters(setRenewalParameters(WEBROOT, wanted))
      return Object.entries(wanted).every(([key, value]) => [got[key]].flat().join('\0') === [value].flat().join('\0'))
    }),
  )
  holds(
    t,
    'a second time changes nothing',
    fc.property(params, (wanted) => {
      const once = setRenewalParameters(WEBROOT, wanted)
      return setRenewalParameters(once, wanted) === once
    }),
  )
  holds(
    t,
    'no other line changes',
    fc.property(params, (wanted) => {
      const lines = setRenewalParameters(WEBROOT, wanted).split('\n')
      return WEBROOT.split('\n')
        .filter((line) => !Object.keys(wanted).some((key) => line.startsWith(`${key} =`)))
        .every((line) => lines.includes(line))
    }),
  )
  t.end()
})

t.test('certbot’s own reader reads what was set', { skip: configobjMissing() }, (t) => {
  // It puts other values in the place of `%(name)s`, which quoteForShell never writes.
  const wanted = fc.sample(params, { numRuns: 300, seed }).filter((one) => !JSON.stringify(one).includes('%('))
  const texts = wanted.map((one) => setRenewalParameters(WEBROOT, one))
  const script =
    'import configobj, json, sys\nprint(json.dumps([configobj.ConfigObj(text.split("\\n"))["renewalparams"].dict() for text in json.load(sys.stdin)]))'
  const read = JSON.parse(
    execFileSync('/usr/bin/python3', ['-c', script], { input: JSON.stringify(texts), encoding: 'utf8' }),
  ) as Record<string, unknown>[]
  wanted.forEach((one, place) => {
    for (const [key, value] of Object.entries(one))
      t.strictSame([read[place]?.[key]].flat(), [value].flat(), JSON.stringify(one))
    t.same(read[place]?.['webroot_map'], { 'example.com': '/var/www/html', 'authenticator': 'not this one' })
  })
  t.end()
})

function configobjMissing(): string | false {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import configobj'], { stdio: 'ignore' })
    return false
  } catch {
    return 'not installed: python3-configobj (comes with certbot)'
  }
}
