import t from 'tap'
import { http01Selector } from '../../src/challenge/http-01/selector.js'
import { differsInKeysOnly, letGoMark, portsOf, Tally } from '../../src/firewall/ruleset.js'
import { anyRuleset, token } from './any-ruleset.js'

const other = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'

t.test('rulesets that differ in keys only are told from the same and from others', (t) => {
  const withKeys = (tokens: string[], ports = [80]) => ({ ...anyRuleset, selectors: [http01Selector(ports, tokens)] })
  const withAny = { ...anyRuleset, selectors: [{ ...http01Selector([80], []), keys: 'any' as const }] }
  t.equal(differsInKeysOnly(anyRuleset, withKeys([token])), false, 'the same')
  for (const tokens of [[other], [token, other], []]) t.equal(differsInKeysOnly(anyRuleset, withKeys(tokens)), true)
  t.equal(differsInKeysOnly(anyRuleset, withAny), false, 'any key is another rule')
  t.equal(differsInKeysOnly(withAny, anyRuleset), false)
  t.equal(differsInKeysOnly(anyRuleset, withKeys([other], [8080])), false)
  t.equal(differsInKeysOnly(anyRuleset, { ...withKeys([other]), queue: 7 }), false)
  t.end()
})

t.test('the bit that lets a connection go is beside that of the connection mark', (t) => {
  t.equal(letGoMark({ mark: 0x400000 }), 0x800000)
  t.equal(letGoMark({ mark: 0x40000000 }), 0x80000000)
  t.equal(letGoMark({ mark: 0x80000000 }), 0x40000000)
  t.end()
})

t.test('the ports of a transport are named once', (t) => {
  const tcp = http01Selector([80, 8080], [])
  const selectors = [tcp, { ...tcp, ports: [80, 443] }, { ...tcp, ports: [53], transport: 'udp' as const }]
  t.strictSame(portsOf({ selectors }, 'tcp'), [80, 8080, 443])
  t.strictSame(portsOf({ selectors }, 'udp'), [53])
  t.end()
})

t.test('a counter that begins again goes on from where it was', (t) => {
  const tally = new Tally()
  const sums = [0, 3, 3, 5, 1, 1, 0, 2].map((count) => {
    tally.note(count)
    return tally.sum
  })
  t.strictSame(sums, [0, 3, 3, 5, 6, 6, 6, 8])
  t.end()
})
