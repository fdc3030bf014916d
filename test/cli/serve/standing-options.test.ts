import t from 'tap'
import { formatStanding, readStanding, takeStanding } from '../../../src/cli/serve/standing-options.js'
import { failsWith, runHook } from '../command.js'

const account = '9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI'

t.test('what serve is told reaches the responder, whatever other options there are', (t) => {
  const standing = readStanding({ account, name: ['Example.COM.', '*.bücher.example,192.0.2.1'], listen: true })
  t.strictSame(standing, {
    thumbprint: account,
    names: ['example.com', '*.xn--bcher-kva.example', '192.0.2.1'],
    isListening: true,
  })
  const words = ['--port=80', ...formatStanding(standing), '--verbose']
  t.strictSame(takeStanding(words), { standing, others: ['--port=80', '--verbose'] })
  t.strictSame(takeStanding(['--port=80']), { standing: undefined, others: ['--port=80'] })
  const dashed = `-${account.slice(1)}`
  t.equal(takeStanding(formatStanding(readStanding({ account: dashed }))).standing?.thumbprint, dashed)
  t.end()
})

t.test('what is wrong is said in two lines', async (t) => {
  for (const argv of [
    ['--account', 'x'],
    ['--account', `${account}=`],
    ['--account', account, '--name', 'a b'],
    ['--name', 'example.com'],
    ['--listen'],
    ['--account'],
  ])
    failsWith(t, await runHook('certbot-nfq', ['serve', ...argv]), 'bad-option', JSON.stringify(argv))
})
