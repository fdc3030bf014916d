import { resolve } from 'node:path'
import t from 'tap'
import { readWebroots } from '../../../src/cli/serve/serve-webroots.js'

t.test('webroots come from the options, or else from the variable', (t) => {
  const environment = { CERTBOT_NFQ_WEBROOT: '/srv/a:/srv/b::/srv/a/' }
  t.strictSame(readWebroots(undefined, environment), ['/srv/a', '/srv/b'])
  t.strictSame(readWebroots(['/x:y', 'relative'], environment), ['/x:y', resolve('relative')])
  t.strictSame(readWebroots(undefined, {}), [])
  t.strictSame(readWebroots(undefined, { CERTBOT_NFQ_WEBROOT: '' }), [])
  t.end()
})

t.test('an empty one, and too many, are refused', (t) => {
  t.throws(() => readWebroots([''], {}), { code: 'bad-option', message: '--webroot must not be empty' })
  t.throws(
    () =>
      readWebroots(
        Array.from({ length: 101 }, (_, number) => `/${number}`),
        {},
      ),
    { code: 'bad-option' },
  )
  t.end()
})
