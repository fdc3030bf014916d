import t from 'tap'
import { readNames } from '../../../src/cli/names.js'
import { failsWith, runHook } from '../command.js'

t.test('names come as certbot takes them', (t) => {
  t.strictSame(readNames(['a.example', 'b.example,c.example', 'a.example'], 'domain'), [
    'a.example',
    'b.example',
    'c.example',
  ])
  t.strictSame(readNames(['Bücher.example.', '*.a.example', '192.0.2.1', '2001:db8::1'], 'domain'), [
    'xn--bcher-kva.example',
    '*.a.example',
    '192.0.2.1',
    '2001:db8::1',
  ])
  for (const name of ['', 'a..example', 'a b', '-d/x', `${'x'.repeat(64)}.example`])
    t.throws(() => readNames([name], 'domain'), { code: 'bad-option' }, name)
  t.end()
})

t.test('what is wrong on its command line is said in two lines', async (t) => {
  for (const argv of [
    ['-d'],
    ['-d', 'a b'],
    ['--resolver', 'dns.example'],
    ['--resolver', '1.1.1.1:dns'],
    ['a b'],
    ['--port', '0'],
  ]) {
    failsWith(t, await runHook('certbot-nfq', ['doctor', ...argv]), 'bad-option', JSON.stringify(argv))
  }
})

t.test('its help has an example', async (t) => {
  t.match(await runHook('certbot-nfq', ['doctor', '--help']), {
    exitCode: 0,
    stdout: /certbot-nfq doctor example\.com/,
  })
})
