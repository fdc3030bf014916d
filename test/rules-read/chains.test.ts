import t from 'tap'
import { rulesFrom, walk, type Chain, type Rule, type Table, type Target } from '../../src/rules-read/chains.js'
import type { Match } from '../../src/rules-read/packet.js'

t.test('the first rule that matches for sure decides, else the policy', (t) => {
  t.match(walk(table([rule('no', 'drop'), rule('yes', 'accept', 'the rule'), rule('yes', 'drop')]), 'INPUT'), {
    verdict: 'accept',
    by: 'the rule',
  })
  t.match(walk(table([rule('yes', 'other')], 'drop'), 'INPUT'), { verdict: 'drop', by: 'policy drop' })
  t.match(walk(table([rule('yes', 'return'), rule('yes', 'accept')], 'drop'), 'INPUT'), { verdict: 'drop' })
  t.match(walk(table([rule('yes', 'drop')]), 'absent'), { verdict: 'none' })
  t.end()
})

t.test('what only may match is told, not believed', (t) => {
  t.strictSame(walk(table([rule('maybe', 'drop', 'a'), rule('maybe', 'accept', 'b')], 'drop'), 'INPUT'), {
    verdict: 'drop',
    by: 'policy drop',
    conditions: ['b'],
  })
  const jump = table([rule('maybe', { kind: 'jump', chain: 'sub' }, 'c')], 'drop', [rule('yes', 'accept')])
  t.strictSame(walk(jump, 'INPUT').conditions, ['c'])
  t.end()
})

t.test('a jump comes back, a goto does not', (t) => {
  const sub = [rule('no', 'drop')]
  t.equal(
    walk(table([rule('yes', { kind: 'jump', chain: 'sub' }), rule('yes', 'accept')], 'drop', sub), 'INPUT').verdict,
    'accept',
  )
  t.equal(
    walk(table([rule('yes', { kind: 'goto', chain: 'sub' }), rule('yes', 'accept')], 'drop', sub), 'INPUT').verdict,
    'drop',
  )
  t.equal(
    walk(table([rule('yes', { kind: 'jump', chain: 'sub' })], 'accept', [rule('yes', 'drop', 'x')]), 'INPUT').by,
    'x',
  )
  t.end()
})

t.test('a circle of chains comes to an end', (t) => {
  const circle = table([rule('yes', { kind: 'jump', chain: 'sub' })], 'drop', [
    rule('yes', { kind: 'jump', chain: 'sub' }),
  ])
  t.equal(walk(circle, 'INPUT').verdict, 'drop')
  t.equal(rulesFrom(circle, 'input').length, 2)
  t.end()
})

t.test('the rules a packet may meet are those behind jumps that may match', (t) => {
  const jumps = (match: Match) =>
    rulesFrom(table([rule(match, { kind: 'jump', chain: 'sub' })], 'accept', [rule('yes', 'untrack')]), 'input').map(
      ({ target }) => target.kind,
    )
  t.strictSame([jumps('yes'), jumps('maybe'), jumps('no')], [['jump', 'untrack'], ['jump', 'untrack'], []])
  t.end()
})

function rule(match: Match, target: 'accept' | 'drop' | 'return' | 'untrack' | 'other' | Target, text = ''): Rule {
  return { match, target: typeof target === 'string' ? { kind: target } : target, text }
}

function table(rules: Rule[], policy: Chain['policy'] = 'accept', sub: Rule[] = []): Table {
  return {
    origin: 'test',
    name: 'filter',
    chains: new Map([
      ['INPUT', { hook: 'input', policy, rules }],
      ['sub', { hook: undefined, policy: 'accept', rules: sub }],
    ]),
  }
}
