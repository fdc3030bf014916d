import { spawnSync } from 'node:child_process'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { runHook } from '../cli/command.js'

/** A user that /etc/passwd does not know, as in many containers. */
const stranger = process.getuid?.() === 0 ? ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'] : []
const reading = ['test', '-r', inRepository('dist/cli/main.js')]
const skip = spawnSync('env', [...stranger, ...reading]).status !== 0 && 'another user cannot read this clone'

// It looked for acme.sh in the home directory, and ended as by a fault where neither HOME nor /etc/passwd tells that.
t.test('doctor looks for clients also where nothing tells a home directory', { skip }, async (t) => {
  const { stdout, stderr } = await runHook('certbot-nfq', ['doctor'], {}, stranger)
  t.equal(stderr, '')
  t.match(stdout, /^\w+ +clients /m)
})
