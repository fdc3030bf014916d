import t from 'tap'
import { nearest } from '../../src/cli/nearest.js'

t.test('a word with few mistakes is recognised, another is not', (t) => {
  const words = ['status', 'stop', 'serve', 'doctor', 'port', 'ttl', 'log-file', 'log-format']
  const table: readonly (readonly [typed: string, meant: string | undefined])[] = [
    ['statsu', 'status'],
    ['sttaus', 'status'],
    ['stats', 'status'],
    ['docter', 'doctor'],
    ['dcotro', 'doctor'],
    ['prot', 'port'],
    ['tll', 'ttl'],
    ['log-f', undefined],
    ['log-fi', 'log-file'],
    ['s', undefined],
    ['bogus', undefined],
    ['', undefined],
  ]
  for (const [typed, meant] of table) t.equal(nearest(typed, words), meant, typed)
  t.equal(nearest('stop', ['top', 'stop']), 'stop', 'the nearest of several')
  t.end()
})
