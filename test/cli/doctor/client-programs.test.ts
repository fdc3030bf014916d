import t from 'tap'
import { noteAbsentClients } from '../../../src/cli/doctor/client-programs.js'

const PATH = '/usr/sbin:/usr/bin'

t.test('where no ACME client is seen, that is said, with what to do, and is no failure', (t) => {
  const remarks = noteAbsentClients({ path: PATH, home: '/root', exists: (path) => path === '/usr/bin/nginx' })
  t.match(remarks, [
    { level: 'warn', message: /^no ACME client is seen .*certbot.*acme\.sh/, fix: /apt install certbot.*container/ },
  ])
  t.end()
})

t.test('nothing is said where there is one, in PATH or where a short PATH does not lead', (t) => {
  for (const present of [
    '/usr/bin/certbot',
    '/usr/sbin/dehydrated',
    '/snap/bin/certbot',
    '/var/lib/snapd/snap/bin/certbot',
    '/opt/certbot/bin/certbot',
    '/usr/local/bin/lego',
    '/root/.acme.sh/acme.sh',
    '/home/web/.acme.sh/acme.sh',
  ]) {
    const home = present.startsWith('/home') ? '/home/web' : '/root'
    t.strictSame(noteAbsentClients({ path: PATH, home, exists: (path) => path === present }), [], present)
  }
  t.end()
})
