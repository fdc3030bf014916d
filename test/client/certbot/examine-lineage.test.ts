import t from 'tap'
import { examineLineage } from '../../../src/client/certbot/examine-lineage.js'

const hookAt = (path: string) => {
  const name = /^\/etc\/certbot-nfq\/(auth|cleanup)$/.exec(path)?.[1]
  return name === 'auth' || name === 'cleanup' ? name : undefined
}
const examine = (auth: string, cleanup: string | undefined, authenticator = 'manual') =>
  examineLineage(
    'example.com',
    [
      'version = 2.1.0',
      '[renewalparams]',
      `authenticator = ${authenticator}`,
      `manual_auth_hook = ${auth}`,
      ...(cleanup === undefined ? [] : [`manual_cleanup_hook = ${cleanup}`]),
      '',
    ].join('\n'),
    hookAt,
  )
const [auth, cleanup] = ['/etc/certbot-nfq/auth', '/etc/certbot-nfq/cleanup']

t.test('of hooks that are as they should be, or another’s, nothing is said', (t) => {
  t.equal(examine(auth, cleanup), undefined)
  t.equal(examine(`${auth} --port=8080`, `'${cleanup}' --port=8080`), undefined)
  t.equal(examine('/my/auth', '/my/cleanup'), undefined)
  t.equal(examine('/my/auth', undefined), undefined)
  t.equal(examine(auth, '/my/wrapper'), undefined, 'a program of the user’s own may call ours')
  t.equal(examine(auth, auth, 'webroot'), undefined, 'certbot ignores them')
  t.equal(examineLineage('x', 'no configuration', hookAt), undefined)
  t.end()
})

t.test('hooks that are the same, exchanged or missing are found, with the command that mends it', (t) => {
  const fix = 'run: certbot-nfq install --adopt example.com'
  const both = { level: 'warn', fix, message: /^certbot's example\.com: manual_cleanup_hook is the auth hook/ }
  t.match(examine(auth, auth), both, 'both are the auth hook')
  t.match(examine(`'"${auth}" --verbose'`, `${auth} --verbose`), both, 'with options')
  const wrong = { level: 'fail', fix, message: /manual_auth_hook is the cleanup hook/ }
  t.match(examine(cleanup, cleanup), wrong, 'both are the cleanup hook')
  t.match(examine(cleanup, auth), wrong, 'exchanged')
  for (const none of [undefined, 'None', '""'])
    t.match(examine(auth, none), { level: 'warn', message: /has no manual_cleanup_hook/ }, `${none}`)
  t.end()
})
