import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Webroot } from '../../../src/client/webroot/webroot.js'
import { waitUntil } from '../../../src/lab/wait-until.js'
import { fakeClock } from '../../responder/fake-clock.js'
import { challengeFor } from '../../scenarios/challenge.js'
import { temporaryDirectory } from '../../temporary-directory.js'

const one = challengeFor('one')
const other = challengeFor('other')

/** A webroot whose directory is `site` in a directory of its own; the clock stands still, so only events count. */
function stage(t: Test, { most = 10, ttl = 60, path = 'site' } = {}) {
  const above = temporaryDirectory(t)
  const site = join(above, path)
  const inside = join(site, '.well-known', 'acme-challenge')
  const armed = new Map<string, string>()
  const clock = fakeClock()
  const calls: string[] = []
  const open = () => {
    const webroot = new Webroot({
      directory: site,
      ttl,
      most,
      clock,
      keep: (token, keyAuthorization) => {
        calls.push(token)
        if (keyAuthorization === undefined) armed.delete(token)
        else armed.set(token, keyAuthorization)
      },
    })
    t.teardown(() => webroot.close())
    return webroot
  }
  const until = (tokens: readonly string[]) =>
    waitUntil(() => [...armed.keys()].sort().join() === [...tokens].sort().join(), `${tokens.join()} to be armed`)
  const write = ({ token, keyAuthorization }: typeof one) => writeFileSync(join(inside, token), keyAuthorization)
  return { above, site, inside, armed, clock, calls, open, until, write }
}

t.test('what is there at the start is armed at once, and what is not a challenge is counted', (t) => {
  const { inside, armed, open, write } = stage(t)
  mkdirSync(inside, { recursive: true })
  write(one)
  writeFileSync(join(inside, other.token), 'no')
  writeFileSync(join(inside, 'index.html'), '')
  const webroot = open()
  t.strictSame([...armed], [[one.token, one.keyAuthorization]])
  t.match(webroot.status, { armed: 1, refused: { name: 1, content: 1 }, isWatched: true, isCut: false })
  t.notOk(webroot.status.obstacle)
  t.end()
})

t.test('a file is armed however it is written, and disarmed when it goes', async (t) => {
  const { inside, armed, calls, open, until, write } = stage(t)
  mkdirSync(inside, { recursive: true })
  const webroot = open()
  const path = join(inside, one.token)
  const temporary = join(inside, `.${one.token}.tmp`)

  write(one)
  await until([one.token])
  unlinkSync(path)
  await until([])

  writeFileSync(temporary, one.keyAuthorization)
  renameSync(temporary, path)
  await until([one.token])
  renameSync(path, temporary)
  await until([])

  writeFileSync(path, '')
  appendFileSync(path, one.keyAuthorization.slice(0, 50))
  write(other)
  await until([other.token])
  t.strictSame(webroot.status.refused, {}, 'a file that is not finished is not refused')
  appendFileSync(path, `${one.keyAuthorization.slice(50)}\n`)
  await until([one.token, other.token])

  const changed = `${one.token}.${'x'.repeat(43)}`
  writeFileSync(temporary, changed)
  renameSync(temporary, path)
  await waitUntil(() => armed.get(one.token) === changed, 'what replaces it')
  writeFileSync(path, 'something else')
  await until([other.token])
  t.ok(calls.length < 30, 'nothing is armed again and again')
})

t.test('directories may come, vanish and come back, each of them', async (t) => {
  const { above, site, inside, open, until, write } = stage(t, { path: 'a/b/site' })
  const webroot = open()
  t.strictSame(webroot.status.obstacle, { reason: 'missing', path: site })
  const come = async () => {
    mkdirSync(inside, { recursive: true })
    write(one)
    await until([one.token])
  }
  await come()
  for (const gone of [inside, join(site, '.well-known'), site, join(above, 'a')]) {
    rmSync(gone, { recursive: true })
    await until([])
    t.strictSame(webroot.status.obstacle?.reason, 'missing', gone)
    await come()
  }
  renameSync(site, `${site}.old`)
  await until([])
  renameSync(`${site}.old`, site)
  await until([one.token])
  t.notOk(webroot.status.obstacle)
})

t.test('no link is followed inside of the directory; the directory itself may be one', async (t) => {
  const { above, site, inside, open, until, write } = stage(t)
  mkdirSync(inside, { recursive: true })
  write(one)
  const elsewhere = join(above, 'elsewhere')
  renameSync(site, elsewhere)
  symlinkSync('elsewhere', site)
  const webroot = open()
  await until([one.token])
  renameSync(join(elsewhere, '.well-known'), join(above, 'kept'))
  symlinkSync('../kept', join(elsewhere, '.well-known'))
  await until([])
  t.strictSame(webroot.status.obstacle, { reason: 'link', path: join(site, '.well-known') })
  unlinkSync(join(elsewhere, '.well-known'))
  mkdirSync(join(elsewhere, '.well-known'))
  symlinkSync(join(above, 'kept', 'acme-challenge'), inside)
  await waitUntil(() => webroot.status.obstacle?.path === inside, 'the last directory to be a link')
  t.strictSame(webroot.status, {
    directory: site,
    obstacle: { reason: 'link', path: inside },
    isWatched: true,
    isCut: false,
    armed: 0,
    refused: {},
  })
  unlinkSync(inside)
  writeFileSync(inside, '')
  await waitUntil(() => webroot.status.obstacle?.reason === 'kind', 'a file to be seen')
  unlinkSync(inside)
  renameSync(join(above, 'kept', 'acme-challenge'), inside)
  await until([one.token])
})

t.test('a file that stays is armed for the time to live, and again when it is written again', async (t) => {
  const { inside, armed, clock, open, until, write } = stage(t, { ttl: 10 })
  mkdirSync(inside, { recursive: true })
  write(one)
  const webroot = open()
  await clock.pass(9_500)
  t.ok(armed.has(one.token))
  await clock.pass(1_000)
  t.notOk(armed.has(one.token))
  await clock.pass(5_000)
  t.strictSame(webroot.status.refused, { stale: 1 })
  write(one)
  await until([one.token])
  t.strictSame(webroot.status.refused, {})
})

t.test('what has no event is found by the next look', async (t) => {
  const { inside, armed, clock, open, write } = stage(t)
  mkdirSync(inside, { recursive: true })
  const webroot = open()
  // More events than anybody waits for.
  for (let number = 0; number < 1_100; number++) writeFileSync(join(inside, `x${number}`), '')
  await waitUntil(() => !webroot.status.isWatched, 'the watch to end')
  write(one)
  t.notOk(armed.has(one.token))
  await clock.pass(1_000)
  t.ok(armed.has(one.token))
  await clock.pass(10_000)
  t.ok(webroot.status.isWatched, 'after a while events are waited for again')
})

t.test('neither many files nor many names take more than their share', async (t) => {
  const { inside, armed, clock, open } = stage(t, { most: 3 })
  mkdirSync(inside, { recursive: true })
  for (let number = 0; number < 2_100; number++) {
    const { token, keyAuthorization } = challengeFor(String(number))
    writeFileSync(join(inside, token), keyAuthorization)
  }
  const webroot = open()
  t.equal(armed.size, 3)
  t.match(webroot.status, { armed: 3, refused: { count: 1_997 }, isCut: true })
  for (const name of readdirSync(inside)) if (armed.has(name)) unlinkSync(join(inside, name))
  await clock.pass(2_000)
  t.equal(armed.size, 3, 'others take the place of those that are gone')
})

t.test('one that is closed opens nothing any more, whatever event is still to be handled', (t) => {
  const { inside, armed, open, write } = stage(t)
  mkdirSync(inside, { recursive: true })
  const before = readdirSync('/proc/self/fd').length
  const webroot = open()
  t.ok(readdirSync('/proc/self/fd').length > before)
  webroot.close()
  write(one)
  webroot.look()
  t.equal(readdirSync('/proc/self/fd').length, before)
  t.strictSame([...armed], [])
  t.end()
})
