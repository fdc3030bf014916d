import { execFileSync } from 'node:child_process'
import t from 'tap'
import { configuration } from '../../../src/client/dehydrated/configuration.js'
import { machineWith, useOf } from '../configuration.js'

const path = '/etc/dehydrated/config'
const debian = `# the main config file
CONFIG_D=/etc/dehydrated/conf.d
BASEDIR=/var/lib/dehydrated
WELLKNOWN="\${BASEDIR}/acme-challenges"
DOMAINS_TXT="/etc/dehydrated/domains.txt"
`
const plan = (text: string, hook = useOf('dehydrated')) => configuration.plan(path, hook, () => text)

t.test('what is missing is added, what is there is replaced, and everything else stays', (t) => {
  t.strictSame(plan(debian), [
    { path, before: debian, after: `${debian}HOOK=/etc/certbot-nfq/dehydrated\nHOOK_CHAIN=yes\n` },
  ])
  const set = `# HOOK=/a/comment\nHOOK_CHAIN="no"\nHOOK=\nBASEDIR=/x`
  t.equal(plan(set)[0]?.after, '# HOOK=/a/comment\nHOOK_CHAIN=yes\nHOOK=/etc/certbot-nfq/dehydrated\nBASEDIR=/x\n')
  t.strictSame(plan(plan(debian)[0]?.after ?? ''), [], 'doing it again changes nothing')
  t.end()
})

t.test('options go into exported variables, which bash reads as they are meant', (t) => {
  const hook = useOf('dehydrated', {
    word: "'/opt/a dir/dehydrated'",
    variables: ['CERTBOT_NFQ_PORT=8080', "CERTBOT_NFQ_LOG_FILE='/var/log/a b'"],
  })
  const after = plan(debian, hook)[0]?.after ?? ''
  const said = execFileSync(
    'bash',
    ['-c', `${after}\nbash -c 'echo "$CERTBOT_NFQ_PORT|$CERTBOT_NFQ_LOG_FILE"'; echo "$HOOK"`],
    { encoding: 'utf8' },
  )
  t.equal(said, '8080|/var/log/a b\n/opt/a dir/dehydrated\n')
  t.end()
})

t.test('a hook of the user’s is not replaced, unless it is run after ours', (t) => {
  for (const line of ['HOOK=/etc/dehydrated/hook.sh', 'HOOK="${BASEDIR}/../../../etc/dehydrated/hook.sh"'])
    t.throws(() => plan(`BASEDIR=/a/b/c\n${line}\n`), { code: 'other-hook', message: /hook\.sh$/ })
  const then = useOf('dehydrated', { then: '/etc/dehydrated/hook.sh' })
  t.match(plan('HOOK=/etc/dehydrated/hook.sh # mine\n', then)[0]?.after, /^HOOK=\/etc\/certbot-nfq\/dehydrated$/m)
  t.throws(() => configuration.plan(path, then, () => undefined), { code: 'client-configuration' })
  t.end()
})

t.test('the lines to add by hand are the same', (t) => {
  t.match(
    configuration.instructions(useOf('dehydrated')).join('\n'),
    '    HOOK=/etc/certbot-nfq/dehydrated\n    HOOK_CHAIN=yes',
  )
  t.end()
})

t.test('doctor: another hook is no business of ours; ours has to be able to work', (t) => {
  const hook = { '/etc/certbot-nfq/dehydrated': '', '/var/lib/dehydrated/acme-challenges/x': '' }
  const examine = (text: string, more: Record<string, string> = hook) =>
    configuration.examine(machineWith('dehydrated', { [path]: text, ...more }))
  const good = plan(debian)[0]?.after ?? ''
  t.strictSame(examine(debian), [])
  t.strictSame(examine(`${debian}HOOK=/etc/dehydrated/hook.sh\n`), [])
  t.match(examine(good), [{ level: 'ok' }])
  t.match(examine(good, {}), [{ level: 'fail', message: /which is not there/ }])
  t.match(examine(`${good}CHALLENGETYPE="dns-01"\n`), [{ level: 'ok' }])
  t.match(examine(`${good}CHALLENGETYPE=tls-alpn-01\n`), [{ level: 'ok' }])
  t.match(examine(`${good}CHALLENGETYPE="of-tomorrow-01"\n`), [{ level: 'fail', message: /of-tomorrow-01/ }])
  t.match(examine(good, { '/etc/certbot-nfq/dehydrated': '' }), [
    { level: 'fail', message: /WELLKNOWN=\/var\/lib\/dehydrated\/acme-challenges/ },
  ])
  t.match(examine(good.replace('yes', 'no')), [{ level: 'warn', message: /HOOK_CHAIN/ }])
  t.match(
    examine(good, { ...hook, '/etc/dehydrated/conf.d/z.sh': 'CHALLENGETYPE=of-tomorrow-01\n' }),
    [{ level: 'fail' }],
    'conf.d counts',
  )
  t.match(
    examine(good, { ...hook, '/etc/dehydrated/conf.d/z': 'HOOK=/x\n' }),
    [{ level: 'ok' }],
    'but not every file in it',
  )
  t.end()
})

t.test('who uses the hook is found in every file that dehydrated reads', (t) => {
  const ours = 'HOOK=/etc/certbot-nfq/dehydrated\n'
  const users = (files: Record<string, string>) => configuration.users(machineWith('dehydrated', files))
  t.strictSame(users({ [path]: ours, '/etc/dehydrated/conf.d/z.sh': ours, '/etc/dehydrated/conf.d/z': ours }), [
    path,
    '/etc/dehydrated/conf.d/z.sh',
  ])
  t.strictSame(users({ [path]: `#${ours}HOOK=/my/hook\n` }), [])
  t.end()
})
