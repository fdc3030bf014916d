/** What the owner of a watched webroot can do to the process of root's that watches it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Webroot } from '../../src/client/webroot/webroot.js'
import { systemClock } from '../../src/responder/clock.js'
import { challengeFor } from '../scenarios/challenge.js'
import { temporaryDirectory } from '../temporary-directory.js'

const NOBODY = 65_534
const OURS = challengeFor('in the webroot')
const SECRET = challengeFor('outside of it')

/**
 * Exchanges directories and files for links, FIFOs and other files, as fast as it can: $1 times, in the directory $2.
 * $3: a directory elsewhere. $4 and $5: the names of a file there, and of one here; $6: what that contains.
 */
const EXCHANGE = `
cd "$2" || exit 1
n=0
while [ "$n" -lt "$1" ]; do
  n=$((n + 1))
  mkdir -p .well-known/acme-challenge
  printf %s "$6" >.well-known/acme-challenge/"$5"
  ln -s "$3/$4" .well-known/acme-challenge/"$4"
  mkfifo .well-known/acme-challenge/fifo && mv .well-known/acme-challenge/fifo .well-known/acme-challenge/"$4"
  ln -sfn "$3" .well-known/acme-challenge/"$4"
  mv .well-known/acme-challenge real
  ln -s "$3" .well-known/acme-challenge
  rm .well-known/acme-challenge
  mv real .well-known/acme-challenge
  mv .well-known well
  ln -s "\${3%/*}" .well-known
  rm .well-known
  mv well .well-known
  rm -r .well-known
done`

t.test('directories and files that are exchanged for links while they are read', async (t) => {
  const above = temporaryDirectory(t)
  chmodSync(above, 0o711)
  const site = join(above, 'site')
  const secret = join(above, 'secret', 'acme-challenge')
  mkdirSync(site)
  mkdirSync(secret, { recursive: true })
  // It has the form of a challenge, so nothing but the way there keeps it from being armed.
  writeFileSync(join(secret, SECRET.token), SECRET.keyAuthorization, { mode: 0o644 })
  const isRoot = process.geteuid?.() === 0
  if (isRoot) chownSync(site, NOBODY, NOBODY)
  const armed = new Map<string, number>()
  const webroot = new Webroot({
    directory: site,
    ttl: 60,
    most: 10,
    clock: systemClock,
    keep: (token) => armed.set(token, (armed.get(token) ?? 0) + 1),
  })
  t.teardown(() => webroot.close())
  // Besides its events, it looks as often as it can.
  let looks = 0
  const look = () => {
    webroot.look()
    looks++
    next = setTimeout(look, 1)
  }
  let next = setTimeout(look, 1)
  const owner = spawn(
    'sh',
    ['-c', EXCHANGE, 'sh', '60', site, secret, SECRET.token, OURS.token, OURS.keyAuthorization],
    { stdio: 'ignore', ...(isRoot && { uid: NOBODY, gid: NOBODY }) },
  )
  t.strictSame(await once(owner, 'exit'), [0, null])
  clearTimeout(next)
  webroot.look()
  t.ok(looks > 100, `${looks} looks`)
  t.ok(armed.has(OURS.token), 'what is in the directory was seen')
  t.notOk(armed.has(SECRET.token), 'nothing outside of it was')
  t.equal(webroot.status.armed, 0, 'and all of it is disarmed')
})
