import { existsSync } from 'node:fs'
import t from 'tap'
import { turns } from './fake-clock.js'
import { ask, freePort, listen } from './loopback.js'
import { armRequest, letGo, stageResponder, visitOf, type Stage } from './stage.js'

const one = armRequest('token-of-one-16-c')
const two = armRequest('token-of-two-16-c', { port: 8080 })
const noMemory = ({ input }: { input: string }) => (input.includes('NFQUEUE') ? 'Cannot allocate memory' : undefined)

t.test('a challenge is armed, answered and disarmed, and with the last one all is gone', async (t) => {
  const stage = await stageResponder(t)
  t.strictSame(stage.rules(), [])
  t.match(await stage.ask(one), { ok: true })
  t.ok(stage.rules().length > 0)
  const { connection, request, reply, end } = visitOf(one.token)
  t.type(stage.queue(request), 'object', 'the server gets a reset instead')
  t.equal(connection.atClient(stage.sent[0] ?? new Uint8Array()).text, reply)
  stage.queue(end)
  t.match(await stage.responder.answer({ op: 'disarm', token: one.token }), {
    stopped: true,
    challenge: { token: one.token, visits: [{ state: 'acknowledged' }] },
  })
  t.equal(await stage.responder.ended, true)
  t.strictSame(stage.rules(), [])
  t.notOk(existsSync(stage.directory.path), 'with socket and lock in it')
  t.strictSame(
    stage.said('info').filter((line) => !line.startsWith('rules ')),
    [
      `listening in ${stage.directory.path}, queue 8555`,
      `${one.token} armed for a.example on port 80`,
      `${one.token} taken over: 192.0.2.2:40000`,
      `${one.token} answered: 192.0.2.2:40000`,
      `${one.token} acknowledged: 192.0.2.2:40000`,
      `${one.token} disarmed`,
      'ended',
    ],
  )
})

t.test('while one challenge is left, the other goes with its port', async (t) => {
  const stage = await stageResponder(t)
  await stage.ask(one)
  await stage.ask(two)
  t.strictSame(await portsOf(stage), [80, 8080])
  t.strictSame(await stage.ask({ op: 'disarm', token: 'never-armed-at-all' }), { ok: true, unknown: true })
  t.match(await stage.ask({ op: 'disarm', token: two.token }), { ok: true, challenge: { port: 8080 } })
  t.strictSame(await stage.ask({ op: 'disarm', token: two.token }), { ok: true }, 'once more, it was known')
  t.notMatch(stage.kernel.table('iptables')?.get(`CERTBOT-NFQ-${stage.directory.tag}-Q`)?.join(), '8080')
  t.strictSame(await portsOf(stage), [80])
})

t.test('a stop forgets every token first; connections get their time, and the rules stay for that', async (t) => {
  const stage = await stageResponder(t)
  await stage.ask(one)
  stage.queue(visitOf(one.token).request)
  const stop = stage.responder.stop()
  t.strictSame(stage.queue(visitOf(one.token, 40_001).request), letGo, 'of the web server from now on')
  await stage.clock.pass(1_900)
  t.ok(stage.rules().length > 0)
  t.strictSame(stage.queue(visitOf(one.token, 40_002).request), letGo)
  await stage.clock.pass(200)
  await stop
  t.strictSame(stage.rules(), [])
})

t.test('a disarm tells what happened while connections ended', async (t) => {
  for (const isTransient of [true, false]) {
    const stage = await stageResponder(t, { isTransient })
    await stage.ask(one)
    const { request, end } = visitOf(one.token)
    stage.queue(request)
    const response = stage.responder.answer({ op: 'disarm', token: one.token })
    await stage.clock.pass(200)
    t.ok(stage.rules().length > 0, 'nobody hears of the acknowledgment without rules')
    stage.queue(end)
    await stage.clock.pass(100)
    t.match(await response, { challenge: { visits: [{ state: 'acknowledged' }] } })
    t.strictSame(stage.rules(), [])
    t.equal(existsSync(stage.directory.socket), !isTransient)
  }
})

t.test('an arm that a stop has overtaken is not said to have worked', async (t) => {
  let begin: () => void = () => undefined
  const held = new Promise<void>((resolve) => (begin = resolve))
  const stage = await stageResponder(t, { hold: ({ input }) => (input.includes('NFQUEUE') ? held : undefined) })
  const armed = stage.responder.answer(one)
  await turns()
  const stop = stage.responder.stop()
  t.match(await stage.responder.answer(two), { ok: false, code: 'stopping' }, 'nor one that comes later')
  begin()
  t.match(await armed, { ok: false, code: 'stopping' })
  await stop
  t.strictSame(stage.rules(), [], 'and nothing of it stays')
  t.notMatch(stage.said().join('\n'), 'armed for')
})

t.test('where the first challenge cannot be armed it ends at once, by itself', async (t) => {
  const stage = await stageResponder(t, { refuse: noMemory })
  await t.rejects(stage.ask(one), { code: 'firewall-failed', message: /Cannot allocate memory/ })
  t.equal(await stage.responder.ended, false, 'rules may be left')
  t.equal(stage.clock.now(), 0)
  t.notOk(existsSync(stage.directory.path))
})

t.test('one that stays for others goes on after a challenge that cannot be armed', async (t) => {
  let isRefused = true
  const stage = await stageResponder(t, {
    isTransient: false,
    refuse: (call) => (isRefused ? noMemory(call) : undefined),
  })
  await t.rejects(stage.ask(one), { code: 'firewall-failed' })
  await turns()
  t.strictSame(await portsOf(stage), [])
  t.equal(stage.queue(visitOf(one.token).request), 'accept', 'its token is forgotten')
  isRefused = false
  t.match(await stage.ask(two), { ok: true })
  t.strictSame(await portsOf(stage), [8080])
})

t.test('a challenge that cannot be armed leaves the others as they are', async (t) => {
  const stage = await stageResponder(t, {
    refuse: (call) => (call.input.includes('8080') ? noMemory(call) : undefined),
  })
  await stage.ask(one)
  await t.rejects(stage.ask(two), { code: 'firewall-failed' })
  await stage.clock.pass(20_000)
  t.strictSame(await portsOf(stage), [80])
  t.type(stage.queue(visitOf(one.token).request), 'object')
  t.strictSame(stage.queue(visitOf(two.token, 40_001).request), letGo)
})

t.test('without a challenge it waits for 10 s, unless it is to stay', async (t) => {
  const transient = await stageResponder(t)
  const staying = await stageResponder(t, { isTransient: false })
  await transient.clock.pass(9_999)
  t.ok(existsSync(transient.directory.socket))
  await transient.clock.pass(1)
  t.equal(await transient.responder.ended, true)
  await staying.clock.pass(60_000)
  t.ok(existsSync(staying.directory.socket))
})

t.test('one that lingers keeps no rules, serves the next challenge, and ends when none has come', async (t) => {
  const stage = await stageResponder(t, { linger: 30 })
  const endsIn = async () => {
    const response = await stage.responder.answer({ op: 'status' })
    return response.ok ? response.status?.endsIn : undefined
  }
  const disarm = (token: string) => stage.responder.answer({ op: 'disarm', token })
  await stage.ask(one)
  t.equal(await endsIn(), undefined, 'not while something is armed')
  t.notMatch(await disarm(one.token), { stopped: true })
  t.strictSame(stage.rules(), [])
  t.strictSame(stage.queue(visitOf(one.token).request), letGo, 'its token is forgotten')
  await stage.clock.pass(20_000)
  t.equal(await endsIn(), 10)
  t.notMatch(await disarm('never-armed-at-all'), { stopped: true })
  t.equal(await endsIn(), 10, 'that was nothing to linger for')
  await stage.ask({ ...two, ttl: 60 })
  t.ok(stage.rules().length > 0)
  await stage.clock.pass(60_000)
  t.strictSame(await portsOf(stage), [], 'it has expired')
  await stage.clock.pass(29_999)
  t.ok(existsSync(stage.directory.socket))
  await stage.clock.pass(1)
  t.equal(await stage.responder.ended, true)
})

t.test('a stop ends one that lingers at once, and so does a challenge that cannot be armed', async (t) => {
  const stage = await stageResponder(t, { linger: 30 })
  await stage.ask(one)
  await stage.responder.answer({ op: 'disarm', token: one.token })
  t.match(await stage.responder.answer({ op: 'stop' }), { stopped: true })
  t.equal(await stage.responder.ended, true)
  const failing = await stageResponder(t, { linger: 30, refuse: noMemory })
  await t.rejects(failing.ask(one), { code: 'firewall-failed' })
  await failing.responder.ended
  t.equal(failing.clock.now(), 0)
})

t.test('a challenge that nobody takes back expires, and with the last one all ends', async (t) => {
  const stage = await stageResponder(t)
  await stage.ask({ ...one, ttl: 60 })
  await stage.ask({ ...two, ttl: 600 })
  await stage.clock.pass(59_999)
  t.strictSame(await portsOf(stage), [80, 8080])
  await stage.clock.pass(1)
  t.strictSame(stage.said('warning'), [`${one.token} expired: no cleanup came`])
  t.strictSame(await portsOf(stage), [8080])
  await stage.clock.pass(540_000)
  t.equal(await stage.responder.ended, true)
  t.strictSame(stage.rules(), [])
})

t.test('ports that cannot be dropped when a challenge expires are said, and it goes on', async (t) => {
  let isRefused = false
  const stage = await stageResponder(t, { refuse: (call) => (isRefused ? noMemory(call) : undefined) })
  await stage.ask({ ...one, ttl: 60 })
  await stage.ask(two)
  isRefused = true
  await stage.clock.pass(60_000)
  t.match(stage.said('error'), [/Cannot allocate memory$/])
  isRefused = false
  t.match(await stage.responder.answer({ op: 'disarm', token: two.token }), { stopped: true })
  t.strictSame(stage.rules(), [])
})

t.test('whoever covers a port first is told what to ask for; the answer is what was seen', async (t) => {
  const stage = await stageResponder(t)
  t.match(await stage.ask(one), { ok: true, check: undefined })
  const response = await stage.ask({ ...two, selfCheck: true })
  t.match(response, { check: { token: /^[\w-]{22}-self-check$/, ports: [80, 8080], families: [4] } })
  const check = typeof response === 'object' ? response.check : undefined
  if (!check) throw new Error('no order')
  const again = await stage.ask({ ...two, selfCheck: true })
  t.notOk(typeof again === 'object' && again.check, 'once')
  const { connection, request } = visitOf(check.token)
  t.type(stage.queue(request), 'object')
  t.match(connection.atClient(stage.sent[0] ?? new Uint8Array()).text, check.keyAuthorization)
  const word = ` ${Buffer.from(check.token).readUInt32BE()},`
  const isInRules = () => [...(stage.kernel.table('iptables')?.values() ?? [])].flat().join().includes(word)
  t.ok(isInRules())
  const seen = stage.responder.answer({ op: 'disarm', token: check.token })
  await stage.clock.pass(1_980)
  stage.queue(visitOf(one.token, 40_009).request)
  await stage.clock.pass(100)
  t.match(await seen, { ok: true, seen: [{ client: '192.0.2.2:40000', state: 'answered' }] })
  t.strictSame(stage.queue(visitOf(check.token, 40_001).request), letGo, 'forgotten')
  t.notOk(isInRules())
  t.strictSame(await portsOf(stage), [80, 8080])
})

t.test('a request that is queued already when its self-check ends is seen', async (t) => {
  const stage = await stageResponder(t)
  const response = await stage.ask({ ...one, selfCheck: true })
  const token = (typeof response === 'object' && response.check?.token) || ''
  const seen = stage.responder.answer({ op: 'disarm', token })
  setImmediate(() => stage.queue(visitOf(token).request))
  await stage.clock.pass(2_100)
  t.match(await seen, { ok: true, seen: [{ state: 'answered' }] })
})

t.test('a port that nobody listens on is served, where that is asked for, and status says so', async (t) => {
  for (const isStandalone of [true, false]) {
    const stage = await stageResponder(t, { isStandalone })
    const port = await freePort()
    t.match(await stage.ask({ ...one, port }), { ok: true })
    if (isStandalone)
      t.match(await ask('127.0.0.1', port, visitOf(one.token).text), /\r\n\r\ntoken-of-one-16-c\.print$/)
    const response = await stage.responder.answer({ op: 'status' })
    const status = response.ok ? response.status : undefined
    t.strictSame(status?.standalone, isStandalone ? [port] : undefined)
    t.match(status, { counts: { servedOurselves: isStandalone ? 1 : 0 } })
    t.equal(status?.challenges[0]?.visits.length, isStandalone ? 1 : 0)
    await stage.responder.stop()
    await listen(t, port)
  }
})

t.test('a self-check changes the rules no more often than its challenge does alone', async (t) => {
  const changes = ({ kernel }: Stage) =>
    kernel.commands().filter((command) => command.startsWith('iptables-restore')).length
  const [without, stage] = [await stageResponder(t), await stageResponder(t)]
  // The second one is for another port, which needs a self-check too.
  for (const challenge of [one, two]) {
    await without.ask(challenge)
    const response = await stage.ask({ ...challenge, selfCheck: true })
    const token = (typeof response === 'object' && response.check?.token) || ''
    t.equal(changes(stage), changes(without), `port ${challenge.port}: its token is armed together with the challenge`)
    const key = Buffer.from(token).readUInt32BE(0)
    t.ok(
      stage.kernel.calls.some(({ input }) => input.includes(` ${key},`)),
      'the kernel knows it',
    )
  }
})

t.test('of two challenges that cover a port at once, one is told to check it', async (t) => {
  const stage = await stageResponder(t)
  const responses = await Promise.all(
    [one, { ...two, port: one.port }].map((arm) => stage.ask({ ...arm, selfCheck: true })),
  )
  const checks = responses.flatMap((response) =>
    typeof response === 'object' && response.check ? [response.check] : [],
  )
  t.equal(checks.length, 1)
  t.type(stage.queue(visitOf(checks[0]?.token ?? '').request), 'object')
})

t.test('a token of a self-check ends with its challenge, also when that expires', async (t) => {
  const stage = await stageResponder(t, { isTransient: false })
  const response = await stage.ask({ ...one, ttl: 60, selfCheck: true })
  const token = (typeof response === 'object' && response.check?.token) || ''
  await stage.clock.pass(59_999)
  t.type(stage.queue(visitOf(token).request), 'object')
  await stage.clock.pass(10_000)
  t.strictSame(stage.queue(visitOf(token, 40_001).request), letGo)
})

t.test('rules that cannot be removed are said; all else is released, and whoever keeps it is to sweep', async (t) => {
  let isRefused = false
  const stage = await stageResponder(t, { refuse: () => (isRefused ? 'Device or resource busy' : undefined) })
  await stage.ask(one)
  isRefused = true
  await t.rejects(stage.responder.stop(), { code: 'firewall-failed', message: /Device or resource busy/ })
  t.equal(await stage.responder.ended, false)
  t.match(stage.said('error'), [/Device or resource busy/])
  t.equal(stage.said().at(-1), 'info ended')
  t.notOk(existsSync(stage.directory.path))
})

t.test('once it has ended nobody looks at rules any more', async (t) => {
  const stage = await stageResponder(t)
  await stage.ask(one)
  await stage.clock.pass(3_000)
  t.match(stage.kernel.calls.at(-1)?.command, 'save', 'until then they are')
  await stage.responder.stop()
  const calls = stage.kernel.calls.length
  await stage.clock.pass(60_000)
  t.equal(stage.kernel.calls.length, calls)
})

async function portsOf({ responder }: Stage): Promise<readonly number[] | undefined> {
  const response = await responder.answer({ op: 'status' })
  return response.ok ? response.status?.ports : undefined
}

t.test('packets that wait are in status, and those that the kernel has dropped are warned of, each once', async (t) => {
  const stage = await stageResponder(t)
  await stage.ask(one)
  const counts = async () => {
    const response = await stage.ask({ op: 'status' })
    return typeof response === 'object' ? response.status?.counts : undefined
  }
  t.match(await counts(), { waiting: 2, lostByKernel: 0 })
  await stage.clock.pass(3_000)
  t.strictSame(stage.said('warning'), [])
  stage.lose(5)
  await stage.clock.pass(6_000)
  stage.lose(1)
  await stage.clock.pass(3_000)
  t.strictSame(
    stage.said('warning'),
    [5, 1].map(
      (number) => `too many packets for the queue: ${number} dropped by the kernel, for this machine is too slow`,
    ),
  )
  t.match(await counts(), { lostByKernel: 6 })
})
