import t from 'tap'
import type { ArmRequest } from '../../src/control/message.js'
import { Leases } from '../../src/responder/leases.js'
import type { FlowEvent } from '../../src/intercept/interceptor.js'

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

t.test('a token of a self-check is served, but is no challenge', (t) => {
  const leases = new Leases()
  leases.armForCheck('check', 'check.print', 'one')
  t.strictSame([...leases.challenges], [['check', 'check.print']])
  t.strictSame([leases.size, leases.ports, leases.nextExpiry, leases.status(0)], [0, [], Infinity, []])
  leases.disarmCheck('check')
  t.equal(leases.challenges.size, 0)
  t.end()
})

t.test('who asks for a token of a self-check is told of it alone', (t) => {
  const leases = new Leases()
  leases.arm(arm('one'), 0)
  leases.armForCheck('check', 'check.print', 'one')
  t.strictSame(leases.checked('check'), [])
  leases.note(event('taken over', 'check', 1))
  leases.note(event('taken over', 'check', 2))
  leases.note(event('answered', 'check', 1))
  t.match(leases.checked('check'), [
    { at: time, client: '192.0.2.2:1', state: 'answered' },
    { client: '192.0.2.2:2', state: 'taken over' },
  ])
  t.match(leases.status(0), [{ token: 'one', visits: [] }])
  t.strictSame(leases.checked('one'), undefined, 'a challenge is none')
  leases.disarmCheck('one')
  t.equal(leases.challenges.size, 2)
  t.end()
})

t.test('a token of a self-check lives until it is disarmed, or the challenge that it came with', (t) => {
  for (const end of [
    (leases: Leases) => leases.disarmCheck('check'),
    (leases: Leases) => leases.disarm('one'),
    (leases: Leases) => leases.retire('one'),
    (leases: Leases) => void leases.expire(1e9),
    (leases: Leases) => leases.clear(),
  ]) {
    const leases = new Leases()
    leases.arm(arm('one'), 0)
    leases.arm(arm('two', { ttl: 2e6 }), 0)
    leases.armForCheck('check', 'check.print', 'one')
    leases.disarm('two')
    t.ok(leases.challenges.has('check'))
    end(leases)
    t.notOk(leases.challenges.has('check'))
    t.strictSame(leases.checked('check'), undefined)
  }
  t.end()
})

t.test('an armed challenge is known until it is disarmed', (t) => {
  const leases = new Leases()
  t.strictSame([leases.size, leases.ports, leases.nextExpiry, leases.status(0)], [0, [], Infinity, []])
  leases.arm(arm('one'), 0)
  leases.arm(arm('two'), 0)
  t.strictSame(
    [...leases.challenges],
    [
      ['one', 'one.print'],
      ['two', 'two.print'],
    ],
  )
  leases.disarm('one')
  t.strictSame([...leases.challenges], [['two', 'two.print']])
  leases.disarm('one')
  leases.disarm('never armed')
  t.equal(leases.size, 1)
  t.end()
})

t.test('whoever holds the challenges sees each change', (t) => {
  const leases = new Leases()
  const { challenges } = leases
  leases.arm(arm('one'), 0)
  t.equal(challenges.get('one'), 'one.print')
  leases.clear()
  t.equal(challenges.size, 0)
  t.equal(leases.size, 0)
  t.end()
})

t.test('armed again, a challenge has its new key authorization, port and lease of life, and keeps its visits', (t) => {
  const leases = new Leases()
  leases.arm(arm('one', { ttl: 10 }), 0)
  leases.note(event('taken over', 'one'))
  leases.arm(arm('one', { ttl: 10, port: 8080, keyAuthorization: 'one.other' }), 9_000)
  t.equal(leases.challenges.get('one'), 'one.other')
  t.strictSame(leases.ports, [8080])
  t.strictSame(leases.expire(18_999), [])
  t.match(leases.status(9_000), [{ token: 'one', port: 8080, expiresIn: 10, visits: [{ state: 'taken over' }] }])
  t.strictSame(leases.expire(19_000), ['one'])
  t.end()
})

t.test('a challenge expires at its time and no sooner', (t) => {
  const leases = new Leases()
  leases.arm(arm('late', { ttl: 20 }), 1_000)
  leases.arm(arm('soon', { ttl: 5 }), 1_000)
  t.equal(leases.nextExpiry, 6_000)
  t.strictSame(leases.expire(5_999), [])
  t.strictSame(leases.expire(6_000), ['soon'])
  t.notOk(leases.challenges.has('soon'))
  t.equal(leases.nextExpiry, 21_000)
  t.strictSame(leases.expire(1e9), ['late'])
  t.equal(leases.size, 0)
  t.end()
})

t.test('the ports are those that challenges want: each once, in order', (t) => {
  const leases = new Leases()
  for (const [token, port] of [
    ['a', 8080],
    ['b', 80],
    ['c', 8080],
    ['d', 443],
  ] as const)
    leases.arm(arm(token, { port }), 0)
  t.strictSame(leases.ports, [80, 443, 8080])
  leases.disarm('a')
  t.strictSame(leases.ports, [80, 443, 8080])
  leases.disarm('c')
  t.strictSame(leases.ports, [80, 443])
  t.end()
})

t.test('there is room for 1000 challenges; one that is armed can still be armed again', (t) => {
  const leases = new Leases()
  for (let at = 0; at < 1_000; at++) leases.arm(arm(`token-${at}`), 0)
  t.throws(() => leases.arm(arm('one more'), 0), { code: 'too-many-challenges', message: /1000/ })
  t.doesNotThrow(() => leases.arm(arm('token-7'), 0))
  t.equal(leases.size, 1_000)
  leases.disarm('token-7')
  t.doesNotThrow(() => leases.arm(arm('one more'), 0))
  t.end()
})

t.test('the status says all there is to say', (t) => {
  const leases = new Leases()
  leases.arm(arm('one', { identifier: 'a.example', port: 8080, ttl: 60 }), 0)
  leases.note(event('taken over', 'one', 50_000))
  const [status] = leases.status(1_600)
  t.match(status, {
    token: 'one',
    identifier: 'a.example',
    port: 8080,
    armedAt: time,
    expiresIn: 58,
    visits: [{ at: time, client: '192.0.2.2:50000', state: 'taken over' }],
  })
  t.equal(leases.status(1e6)[0]?.expiresIn, 0, 'no time left is none')
  t.end()
})

t.test('a visit changes its state; one of another client, or the next of the same, is its own', (t) => {
  const leases = new Leases()
  leases.arm(arm('one'), 0)
  for (const kind of ['taken over', 'answered', 'acknowledged'] as const) leases.note(event(kind, 'one', 50_000))
  leases.note(event('taken over', 'one', 50_001))
  leases.note(event('abandoned', 'one', 50_001))
  leases.note(event('taken over', 'one', 50_000))
  t.match(
    leases.status(0)[0]?.visits.map(({ client, state }) => [client, state]),
    [
      ['192.0.2.2:50000', 'acknowledged'],
      ['192.0.2.2:50001', 'abandoned'],
      ['192.0.2.2:50000', 'taken over'],
    ],
  )
  t.end()
})

t.test('a visit to a challenge that is gone is no error', (t) => {
  const leases = new Leases()
  leases.note(event('answered', 'gone'))
  t.strictSame(leases.status(0), [])
  t.end()
})

t.test('a visit says what was answered: nothing yet, the key authorization, or no body', (t) => {
  const leases = new Leases()
  leases.arm(arm('one'), 0)
  leases.note(event('taken over', 'one', 1))
  t.equal(leases.status(0)[0]?.visits[0]?.answer, undefined)
  leases.note(event('answered', 'one', 1))
  leases.note(event('acknowledged', 'one', 1))
  leases.note(event('taken over', 'one', 2, 0))
  leases.note(event('answered', 'one', 2, 0))
  leases.note(event('taken over', 'one', 1))
  t.strictSame(
    leases.status(0)[0]?.visits.map(({ state, answer }) => [state, answer]),
    [
      ['acknowledged', { status: 200, bytes: 'one.print'.length }],
      ['answered', { status: 200, bytes: 0 }],
      ['taken over', undefined],
    ],
  )
  t.end()
})

t.test('a challenge that is retired is not armed any more, and its visits are noted until leave is taken', (t) => {
  const leases = new Leases()
  for (const token of ['one', 'two']) leases.arm(arm(token), 0)
  leases.note(event('taken over', 'one'))
  leases.retire('one')
  t.strictSame(
    [[...leases.challenges.keys()], leases.size, leases.status(0).map(({ token }) => token)],
    [['two'], 1, ['two']],
  )
  leases.note(event('answered', 'one'))
  leases.note(event('acknowledged', 'one'))
  t.match(leases.takeLeave('one', 1_000), {
    token: 'one',
    expiresIn: 3599,
    visits: [{ state: 'acknowledged', answer: { bytes: 9 } }],
  })
  t.equal(leases.takeLeave('one', 0), undefined, 'once')
  t.equal(leases.takeLeave('two', 0), undefined, 'what is armed has not left')
  leases.retire('never armed')
  t.equal(leases.takeLeave('never armed', 0), undefined)
  t.end()
})

t.test('each challenge knows of the requests for unknown tokens since it was armed', (t) => {
  const leases = new Leases()
  leases.note(event('unknown token', 'early'))
  leases.arm(arm('one'), 0)
  t.notOk('strays' in (leases.status(0)[0] ?? {}))
  leases.note(event('unknown token', 'stray', 40_000))
  leases.arm(arm('two'), 0)
  leases.note(event('unknown token', 'late', 40_001))
  leases.arm(arm('one'), 0)
  const last = { client: '192.0.2.2:40001', token: 'late', at: time }
  t.match(leases.status(0), [
    { token: 'one', strays: { ...last, count: 2 } },
    { token: 'two', strays: { ...last, count: 1 } },
  ])
  t.strictSame(
    leases.status(0).map(({ visits }) => visits),
    [[], []],
  )
  t.end()
})

t.test('the newest 50 visits are kept', (t) => {
  const leases = new Leases()
  leases.arm(arm('one'), 0)
  for (let port = 1; port <= 60; port++) leases.note(event('taken over', 'one', port))
  const clients = leases.status(0)[0]?.visits.map(({ client }) => client) ?? []
  t.strictSame([clients.length, clients[0], clients.at(-1)], [50, '192.0.2.2:11', '192.0.2.2:60'])
  t.end()
})

function arm(token: string, more: Partial<ArmRequest> = {}): ArmRequest {
  return { op: 'arm', token, keyAuthorization: `${token}.print`, identifier: 'a.example', port: 80, ttl: 3600, ...more }
}

function event(kind: FlowEvent['kind'], key: string, clientPort = 1, bytes = `${key}.print`.length): FlowEvent {
  const isAnswered = kind === 'answered' || kind === 'acknowledged'
  return {
    kind,
    key,
    client: Uint8Array.of(192, 0, 2, 2),
    clientPort,
    ...(isAnswered && { answer: { status: 200, bytes } }),
  }
}
