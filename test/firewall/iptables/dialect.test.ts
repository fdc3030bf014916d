import t from 'tap'
import { restoreDialect } from '../../../src/firewall/iptables/dialect.js'

const { argv, mark, refusalIn } = restoreDialect('ip6tables-restore')

t.test('the rules of others stay, the lock is waited for, and comments are printed', async (t) => {
  t.strictSame(argv, ['ip6tables-restore', '--noflush', '--verbose', '-w', '10'])
})

t.test('where the mark came there is no refusal, whatever was printed besides', async (t) => {
  const heard = (word: string) => `${mark(word)}\n`
  t.equal(refusalIn(heard('said-1'), 'said-1'), undefined)
  t.equal(refusalIn(`# Warning: iptables-legacy tables present\n${heard('said-2')}`, 'said-2'), undefined)
})

t.test('without the mark it is the first line of what was printed', async (t) => {
  const complaint = 'ip6tables-restore: line 16 failed: Bad rule (does a matching rule exist in that chain?).'
  t.equal(refusalIn(`${complaint}\n`, 'said-1'), complaint)
  t.equal(refusalIn(`\n${complaint}\nError occurred at line: 16\n`, 'said-1'), complaint)
  t.equal(refusalIn('', 'said-1'), undefined, 'a program that was killed says nothing')
  t.equal(refusalIn(`${mark('said-1')}0\n`, 'said-1'), mark('said-10'), 'said-10 is another mark')
})
