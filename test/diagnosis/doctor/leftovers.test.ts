import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runDirectory } from '../../../src/responder/run-directory.js'
import { judgeLeftovers, readLeftovers, tagsIn, type LeftoverFacts } from '../../../src/diagnosis/doctor/leftovers.js'
import { takeLock } from '../../../src/kernel/lock.js'
import { scriptedResponder } from '../../control/scripted-responder.js'
import { leaveStaleSocket } from '../../control/stale-socket.js'
import { temporaryDirectory } from '../../temporary-directory.js'

const nothing: LeftoverFacts = { tag: '01234567', responder: 'absent', files: [], isLocked: false, tags: [] }

t.test('nothing, rules, files, and other run directories', (t) => {
  t.match(judgeLeftovers(nothing), [{ level: 'ok', message: /nothing is left/ }])
  t.match(judgeLeftovers({ ...nothing, tags: ['01234567'], files: ['/run/x/control'] }), [
    { level: 'warn', message: /has left: rules, \/run\/x\/control/, fix: /certbot-nfq stop/ },
  ])
  t.match(judgeLeftovers({ ...nothing, files: ['/run/x/lock'], isLocked: true }), [
    { level: 'ok', message: /starts or ends/ },
  ])
  t.match(judgeLeftovers({ ...nothing, tags: ['89abcdef'] }), [
    { level: 'ok' },
    { level: 'warn', message: /another run directory.*89abcdef/ },
  ])
  t.match(judgeLeftovers({ ...nothing, responder: { refusal: 'it is silent' } }), [
    { level: 'warn', message: 'it is silent' },
  ])
  t.end()
})

t.test('our rules are known by the names of chains and tables', (t) => {
  const chain = { hook: undefined, policy: 'accept' as const, rules: [] }
  const mangle = {
    origin: 'iptables mangle',
    name: 'mangle',
    chains: new Map([
      ['INPUT', chain],
      ['CERTBOT-NFQ-01234567', chain],
      ['CERTBOT-NFQ-01234567-Q', chain],
      ['CERTBOT-NFQ-11234567-A', chain],
      ['CERTBOT-NFQ-21234567-12', chain],
      ['CERTBOT-NFQ-31234567-12-x', chain],
    ]),
  }
  t.strictSame(
    tagsIn([
      mangle,
      { origin: 'nft ip', name: 'certbot-nfq-89abcdef', chains: new Map() },
      { origin: 'nft ip', name: 'filter', chains: new Map() },
    ]),
    ['01234567', '11234567', '21234567', '89abcdef'],
  )
  t.end()
})

t.test('a dead responder’s files are seen, and stay', async (t) => {
  const directory = runDirectory(temporaryDirectory(t))
  await leaveStaleSocket(directory.socket)
  writeFileSync(directory.lock, '')
  t.match(await readLeftovers(directory, []), {
    responder: 'absent',
    files: [directory.socket, directory.lock],
    isLocked: false,
  })
})

t.test('a lock that is held is seen', async (t) => {
  const directory = runDirectory(temporaryDirectory(t))
  const lock = await takeLock(directory.lock)
  t.match(await readLeftovers(directory, []), { isLocked: true })
  lock?.release()
  t.match(await readLeftovers(directory, []), { isLocked: false, files: [] })
})

t.test('a responder is asked for its status', async (t) => {
  const path = temporaryDirectory(t)
  const status = {
    version: '1.2.3',
    protocol: 1,
    pid: 42,
    startedAt: 'today',
    queue: 8555,
    mark: 1,
    ports: [],
    challenges: [],
    counts: {},
    log: [],
  }
  await scriptedResponder(t, join(path, 'control'), () => `${JSON.stringify({ version: 1, ok: true, status })}\n`)
  t.match(judgeLeftovers(await readLeftovers(runDirectory(path), [])), [
    { level: 'ok', message: 'a responder is at work: process 42, 0 armed' },
  ])
  Object.assign(status, {
    stateless: { thumbprint: 'print', names: ['a.example'], port: 80, answered: 0, abandoned: 0, visits: [] },
  })
  t.match(judgeLeftovers(await readLeftovers(runDirectory(path), [])), [
    { message: /0 armed; on port 80 it answers any token for a\.example and the account print$/ },
  ])
})
