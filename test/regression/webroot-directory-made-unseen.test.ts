/**
 * A directory that was made after the way to a webroot's challenges was looked at, and before its parent was watched,
 * had no event. Its files were armed up to a second later, by the next look.
 */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Webroot } from '../../src/client/webroot/webroot.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { fakeClock } from '../responder/fake-clock.js'
import { challengeFor } from '../scenarios/challenge.js'
import { temporaryDirectory } from '../temporary-directory.js'

const { token, keyAuthorization } = challengeFor('unseen')

/** $1: the webroot; $2: the token; $3: the key authorization. For each line of its input it does what a client does. */
const CLIENT = `
while read -r line; do
  mkdir -p "$1/.well-known/acme-challenge"
  printf %s "$3" >"$1/.well-known/acme-challenge/$2"
done`

t.test('directories that are made while the way is looked at are seen', async (t) => {
  const directory = join(temporaryDirectory(t), 'site')
  const armed = new Set<string>()
  const webroot = new Webroot({
    directory,
    ttl: 60,
    most: 1,
    // It stands still, so that there is no other look.
    clock: fakeClock(),
    keep: (token, keyAuthorization) => {
      if (keyAuthorization === undefined) armed.delete(token)
      else armed.add(token)
    },
  })
  t.teardown(() => webroot.close())
  const client = spawn('sh', ['-c', CLIENT, 'sh', directory, token, keyAuthorization], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  t.teardown(() => client.kill())
  for (let round = 0; round < 100; round++) {
    client.stdin.write('\n')
    await waitUntil(() => armed.has(token), `the file of round ${round}`)
    rmSync(directory, { recursive: true })
    await waitUntil(() => !armed.has(token), `the end of round ${round}`)
  }
  t.equal(webroot.status.obstacle?.reason, 'missing')
})
