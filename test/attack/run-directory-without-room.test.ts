/**
 * A run directory in which no file can be made, and hooks that may open few files: each error is named, and nothing is
 * left.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { failsWith } from '../cli/command.js'
import { requiresKernel } from '../requires-kernel.js'
import type { Finding } from '../../src/diagnosis/doctor/finding.js'
import { openArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'

const { token, keyAuthorization } = challengeFor('no room')
const env = {
  CERTBOT_DOMAIN: 'example.com',
  CERTBOT_TOKEN: token,
  CERTBOT_VALIDATION: keyAuthorization,
  CERTBOT_NFQ_NO_SELF_CHECK: '1',
}

/**
 * In a mount namespace of its own: puts a small file system over $1 and does $2 to it. Then runs the rest, waits until
 * whatever that has left running has ended, and lists in $1.ls what is there.
 */
const onSmallFileSystem = `
set -e
small=$1 prepare=$2
shift 2
mount -t tmpfs -o mode=700,size=1m,nr_inodes=12 tmpfs "$small"
leave() { for n in $(seq $(($(stat -f -c %d "$small") - $1))); do mkdir "$small/.$n"; done; }
eval "$prepare"
processes() { lsns --noheadings --type mnt --task $$ --output NPROCS; }
alone=$(processes) status=0
"$@" || status=$?
until [ "$(processes)" = "$alone" ]; do sleep 0.1; done
ls -A "$small" | grep -v '^\\.[0-9]*$' >"$small.ls" || true
exit $status
`

/** A program of the hooks, then the end of the responder that it has started. */
const andStop = '"$@" && "$0" stop'

/** What is done to the file system, which code comes of it, if any, and what `doctor` says of it. */
const rooms = {
  'no inode': ['leave 0', 'disk-full', 'fail'],
  'one inode, for the directory': ['leave 1', 'disk-full', 'fail'],
  'two inodes, for the directory and its lock': ['leave 2', 'disk-full', 'fail'],
  'three inodes, for all of them': ['leave 3', undefined, 'ok'],
  'no byte, but inodes': ['head -c 2m /dev/zero >"$small/.0" 2>/dev/null || true', undefined, 'warn'],
  'a read-only file system': ['mount -o remount,ro "$small"', 'read-only-file-system', 'fail'],
  'a run directory on a read-only file system': [
    'mkdir -m 700 "$small/run"; mount -o remount,ro "$small"',
    'read-only-file-system',
    'fail',
  ],
} as const

const FIX_OF = { 'disk-full': /^Make room/, 'read-only-file-system': /^Mount that file system/ }

t.test('a run directory without room', await requiresKernel('unshare'), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  for (const [what, [prepare, code, level]] of Object.entries(rooms)) {
    const small = join(lab.directory, what.replaceAll(/\W/g, ''))
    mkdirSync(small)
    const there = what.startsWith('a run directory') ? 'run\n' : ''
    const inRoom = ['unshare', '--mount', 'sh', '-c', onSmallFileSystem, 'sh', small, prepare]
    const options = { reject: false, env: { ...env, CERTBOT_NFQ_RUN_DIR: join(small, 'run') } }
    for (const words of [[inRepository('hooks/auth')], [inRepository('hooks/certbot-nfq'), 'serve']]) {
      if (!code && words.length > 1) continue
      const { exitCode, stdout, stderr } = await lab.server.exec(
        [...inRoom, 'sh', '-c', andStop, inRepository('hooks/certbot-nfq'), ...words],
        options,
      )
      const ended = { exitCode, stdout, stderr: stderr.trimEnd() }
      if (code) failsWith(t, ended, code, `${what}: ${words.join(' ')}`)
      else t.match(ended, { exitCode: 0, stdout: 'Stopped; its rules are removed.\n', stderr: '' }, what)
      t.equal(readFileSync(`${small}.ls`, 'utf8'), there, `${what}: nothing stays that was not there`)
    }
    const doctor = await lab.server.exec([...inRoom, inRepository('hooks/certbot-nfq'), 'doctor', '--json'], options)
    const found = (JSON.parse(doctor.stdout) as Finding[]).filter(({ check }) => check === 'run-directory')
    const fix = level === 'ok' ? undefined : FIX_OF[code ?? 'disk-full']
    t.match(found, [fix ? { level, fix } : { level }], `${what}: doctor says so`)
  }
  t.strictSame(await lab.leftovers(), [])
})

t.test('a process that may open few files', await requiresKernel(), async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  const outcomes: string[] = []
  for (let limit = 20; outcomes.at(-1) !== 'armed' && limit < 200; limit += 4) {
    const { exitCode, stdout, stderr } = await lab.server.exec(
      ['sh', '-c', andStop, inRepository('hooks/certbot-nfq')].concat([
        'prlimit',
        `--nofile=${limit}:${limit}`,
        inRepository('hooks/auth'),
      ]),
      { reject: false, env: { ...env, CERTBOT_NFQ_RUN_DIR: lab.runDirectory } },
    )
    // With so few that Node itself cannot begin, it speaks for itself.
    const isOurs = stderr.startsWith('certbot-nfq: ')
    outcomes.push(exitCode === 0 ? 'armed' : isOurs ? 'named' : 'not begun')
    if (isOurs) failsWith(t, { exitCode, stdout, stderr: stderr.trimEnd() }, 'too-few-descriptors', `${limit} files`)
    t.strictSame(await lab.leftovers(), [], `${limit} files: nothing is left`)
  }
  t.ok(outcomes.filter((outcome) => outcome === 'named').length > 3, outcomes.join(', '))
  t.equal(outcomes.lastIndexOf('not begun') < outcomes.indexOf('named'), true, 'in this order')
  t.equal(outcomes.at(-1), 'armed')
})
