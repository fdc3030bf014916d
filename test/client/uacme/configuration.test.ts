import t from 'tap'
import { configuration } from '../../../src/client/uacme/configuration.js'
import { machineWith, useOf } from '../configuration.js'

const path = '/etc/cron.daily/uacme'
const ours = '/etc/certbot-nfq/uacme'
const plan = (text: string, hook = useOf('uacme', { then: '/usr/share/uacme/uacme.sh' })) =>
  configuration.plan(path, hook, () => text)

t.test('the hook of each call is replaced, however it is written', (t) => {
  const table = [
    ['uacme -h /usr/share/uacme/uacme.sh issue a.example\n', `uacme -h ${ours} issue a.example\n`],
    ['/usr/bin/uacme -v --hook=/usr/share/uacme/uacme.sh issue a b', `/usr/bin/uacme -v --hook=${ours} issue a b`],
    [
      'uacme --hook "/usr/share/uacme/uacme.sh" issue a; uacme -h \'/usr/share/uacme/uacme.sh\' issue b',
      `uacme --hook ${ours} issue a; uacme -h ${ours} issue b`,
    ],
    [
      '#!/bin/sh\nuacme \\\n  -h /usr/share/uacme/uacme.sh \\\n  issue a\n',
      `#!/bin/sh\nuacme \\\n  -h ${ours} \\\n  issue a\n`,
    ],
  ] as const
  for (const [before, after] of table) t.equal(plan(before)[0]?.after, after, before)
  t.end()
})

t.test('options come before the call as variables, once', (t) => {
  const hook = useOf('uacme', { variables: ['CERTBOT_NFQ_PORT=8080'], then: '/x' })
  const after = plan('uacme -h /x issue a\n', hook)[0]?.after ?? ''
  t.equal(after, `CERTBOT_NFQ_PORT=8080 uacme -h ${ours} issue a\n`)
  t.strictSame(plan(after, hook), [], 'doing it again changes nothing')
  t.end()
})

t.test('what calls no uacme with a hook is not guessed at, and another hook is not replaced', (t) => {
  for (const text of ['', 'echo uacme\n', 'uacme issue a.example\n', 'cat /usr/share/uacme/uacme.sh -h x\n'])
    t.throws(() => plan(text), { code: 'client-configuration' }, text)
  t.throws(() => plan('uacme -h /my/hook issue a\n'), { code: 'other-hook', message: /\/my\/hook$/ })
  t.throws(() => configuration.plan(path, useOf('uacme'), () => undefined), { code: 'client-configuration' })
  t.match(configuration.instructions(useOf('uacme')).join('\n'), `uacme -h ${ours} issue example.com`)
  t.strictSame(configuration.examine(machineWith('uacme', {})), [])
  t.end()
})

t.test('who uses the hook is found where cron and systemd have their files', (t) => {
  const users = (files: Record<string, string>) => configuration.users(machineWith('uacme', files))
  const call = `5 4 * * * root uacme --hook="${ours}" issue a.example\n`
  t.strictSame(users({ '/etc/cron.d/acme': call, '/etc/crontab': call, '/home/x': call }), [
    '/etc/crontab',
    '/etc/cron.d/acme',
  ])
  t.strictSame(users({ '/etc/cron.d/acme': call.replace(ours, '/my/hook'), '/etc/cron.daily/x': `# ${ours}\n` }), [])
  t.end()
})
