import t from 'tap'
import type { Http01Challenge } from '../../src/challenge/challenge.js'
import type { ArmRequest } from '../../src/control/message.js'
import { Leases } from '../../src/responder/leases.js'
import type { FlowEvent } from '../../src/intercept/interceptor.js'
import { fakeClock } from './fake-clock.js'

let clock = fakeClock()
t.beforeEach(() => void (clock = fakeClock()))

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

t.test('a token of a self-check is served, but is no challenge', (t) => {
  const leases = new Leases(clock)
  leases.armForCheck('check', 'one', { keyAuthorization: 'check.print' })
  t.strictSame([...leases.challenges], [['check', 'check.print']])
  t.strictSame([leases.size, leases.portsOf('http-01'), leases.untilExpiry, leases.status()], [0, [], Infinity, []])
  leases.disarmCheck('check')
  t.equal(leases.challenges.size, 0)
  t.end()
})

t.test('who asks for a token of a self-check is told of it alone', (t) => {
  const leases = new Leases(clock)
  leases.arm(arm('one'))
  leases.armForCheck('check', 'one', { keyAuthorization: 'check.print' })
  t.strictSame(leases.checked('check'), [])
  leases.note(event('takenOver', 'check', 1))
  leases.note(event('takenOver', 'check', 2))
  leases.note(event('answered', 'check', 1))
  t.match(leases.checked('check'), [
    { at: time, client: '192.0.2.2:1', state: 'answered' },
    { client: '192.0.2.2:2', state: 'takenOver' },
  ])
  t.match(leases.status(), [{ token: 'one', visits: [] }])
  t.strictSame(leases.checked('one'), undefined, 'a challenge is none')
  leases.disarmCheck('one')
  t.equal(leases.challenges.size, 2)
  t.end()
})

t.test('a token of a self-check lives until it is disarmed, or the challenge that it came with', async (t) => {
  const ends: readonly ((leases: Leases) => unknown)[] = [
    (leases) => leases.disarmCheck('check'),
    (leases) => leases.disarm('one'),
    (leases) => leases.retire('one'),
    async (leases) => {
      await clock.pass(4e6)
      leases.expire()
    },
    (leases) => leases.clear(),
  ]
  for (const end of ends) {
    const leases = new Leases(clock)
    leases.arm(arm('one'))
    leases.arm(arm('two', { ttl: 2e6 }))
    leases.armForCheck('check', 'one', { keyAuthorization: 'check.print' })
    leases.disarm('two')
    t.ok(leases.challenges.has('check'))
    await end(leases)
    t.notOk(leases.challenges.has('check'))
    t.strictSame(leases.checked('check'), undefined)
  }
})

t.test('an armed challenge is known until it is disarmed', (t) => {
  const leases = new Leases(clock)
  t.strictSame([leases.size, leases.portsOf('http-01'), leases.untilExpiry, leases.status()], [0, [], Infinity, []])
  leases.arm(arm('one'))
  leases.arm(arm('two'))
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
  const leases = new Leases(clock)
  const { challenges } = leases
  leases.arm(arm('one'))
  t.equal(challenges.get('one'), 'one.print')
  leases.clear()
  t.equal(challenges.size, 0)
  t.equal(leases.size, 0)
  t.end()
})

t.test('armed again, a challenge has its new key authorization, port and time, and keeps its visits', async (t) => {
  const leases = new Leases(clock)
  leases.arm(arm('one', { ttl: 10 }))
  leases.note(event('takenOver', 'one'))
  await clock.pass(9_000)
  leases.arm(arm('one', { ttl: 10, port: 8080, keyAuthorization: 'one.other' }))
  t.equal(leases.challenges.get('one'), 'one.other')
  t.strictSame(leases.wanted, [{ type: 'http-01', ports: [8080], tokens: ['one'] }])
  leases.armForCheck('check', 'one', { keyAuthorization: 'check.x' })
  t.strictSame(leases.wanted[0]?.tokens, ['one', 'check'], 'with what a self-check asks for')
  leases.disarmCheck('check')
  t.strictSame(leases.wanted[0]?.tokens, ['one'])
  t.match(leases.status(), [{ token: 'one', port: 8080, expiresIn: 10, visits: [{ state: 'takenOver' }] }])
  await clock.pass(9_999)
  t.strictSame(leases.expire(), [])
  await clock.pass(1)
  t.strictSame(leases.expire(), ['one'])
})

t.test('a challenge expires at its time and no sooner', async (t) => {
  const leases = new Leases(clock)
  await clock.pass(1_000)
  leases.arm(arm('late', { ttl: 20 }))
  leases.arm(arm('soon', { ttl: 5 }))
  t.equal(leases.untilExpiry, 5_000)
  await clock.pass(4_999)
  t.strictSame(leases.expire(), [])
  await clock.pass(1)
  t.equal(leases.untilExpiry, 0)
  t.strictSame(leases.expire(), ['soon'])
  t.notOk(leases.challenges.has('soon'))
  t.equal(leases.untilExpiry, 15_000)
  await clock.pass(1e9)
  t.strictSame(leases.expire(), ['late'])
  t.equal(leases.size, 0)
})

t.test('challenges of each type have ports of their own', (t) => {
  const digest = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
  const leases = new Leases(clock)
  const request = { op: 'arm', type: 'dns-01', token: digest, digest, identifier: 'a.example', ttl: 60 } as const
  leases.arm(arm('a'))
  leases.arm({ ...request, port: 53 })
  leases.arm({ ...request, port: 443, type: 'tls-alpn-01', token: 'b' })
  t.strictSame(leases.wanted, [
    { type: 'http-01', ports: [80], tokens: ['a'] },
    { type: 'dns-01', ports: [53], tokens: ['_acme-challenge.a.example'] },
    { type: 'tls-alpn-01', ports: [443], tokens: [] },
  ])
  t.match(leases.of('dns-01'), [{ digest, identifier: 'a.example', port: 53 }])
  t.match(leases.of('http-01'), [{ token: 'a', keyAuthorization: 'a.print' }])
  t.strictSame([...leases.challenges.keys()], ['a'], 'one of another type is no answer to a request by HTTP')
  t.ok(leases.isKnown(digest))
  t.strictSame(leases.portsToServe, [80])
  t.strictSame(
    leases.status().map(({ type }) => type),
    [undefined, 'dns-01', 'tls-alpn-01'],
  )
  t.end()
})

t.test(
  'a wildcard and its base name arm two values for one name, and each knows of those who ask for it',
  async (t) => {
    const leases = new Leases(clock)
    const name = '_acme-challenge.a.example'
    const armName = (digest: string, identifier: string) =>
      leases.arm({ op: 'arm', type: 'dns-01', token: digest, digest, identifier, port: 53, ttl: 60 })
    const [one, two] = ['1', '2'].map((digit) => digit.repeat(43)) as [string, string]
    const answered = (key: string, clientPort: number) =>
      leases.note({ ...event('answered', key, clientPort), transport: 'udp', answer: { status: 0, bytes: 99 } })
    armName(one, 'a.example')
    answered(name, 1)
    armName(two, 'A.Example')
    armName('3'.repeat(43), 'b.example')
    answered(name, 2)
    t.strictSame(leases.valuesOf(name), [one, two])
    t.strictSame(leases.valuesOf('_acme-challenge.c.example'), [])
    t.strictSame(leases.wanted[0]?.tokens, [name, '_acme-challenge.b.example'])
    const udp = { state: 'answered', transport: 'udp', answer: { bytes: 99 } }
    t.match(leases.status(), [
      { token: one, visits: [udp, { ...udp, client: '192.0.2.2:2' }] },
      { token: two, visits: [{ client: '192.0.2.2:2' }] },
      { visits: [] },
    ])
    t.ok(leases.isKnown(name))
    leases.retire(one)
    t.strictSame(leases.valuesOf(name), [two])
    answered(name, 3)
    t.equal(leases.conclude(one)?.visits.length, 3)
    await clock.pass(60_000)
    leases.expire()
    t.strictSame(leases.expired, ['3'.repeat(43)], 'the other was answered to all who asked')
    answered(name, 4)
    leases.retire(two)
    t.equal(leases.conclude(two)?.visits.length, 3, 'those of an expired one count too')
    t.notOk(leases.isKnown(name))
  },
)

t.test('a name of a self-check has a value too, and is no challenge', (t) => {
  const leases = new Leases(clock)
  const digest = '1'.repeat(43)
  leases.arm({ op: 'arm', type: 'dns-01', token: digest, digest, identifier: 'a.example', port: 53, ttl: 60 })
  leases.armForCheck('check', digest, { record: { name: '_acme-challenge.check.invalid', value: 'value' } })
  t.strictSame(leases.valuesOf('_acme-challenge.check.invalid'), ['value'])
  t.strictSame(leases.wanted[0]?.tokens, ['_acme-challenge.a.example', '_acme-challenge.check.invalid'])
  leases.note(event('answered', '_acme-challenge.check.invalid'))
  t.equal(leases.checked('check')?.length, 1)
  leases.disarm(digest)
  t.strictSame(leases.valuesOf('_acme-challenge.check.invalid'), [])
  t.end()
})

t.test('queries for names that are not armed count with dns-01 alone', (t) => {
  const leases = new Leases(clock)
  const digest = '1'.repeat(43)
  leases.arm(arm('one'))
  leases.arm({ op: 'arm', type: 'dns-01', token: digest, digest, identifier: 'a.example', port: 53, ttl: 60 })
  leases.note(event('unknownToken', '_acme-challenge.b.example'))
  leases.note(event('unknownToken', 'stray'))
  leases.note(event('unknownToken', 'stray'))
  t.match(leases.status(), [{ strays: { count: 2 } }, { strays: { count: 1, token: '_acme-challenge.b.example' } }])
  t.end()
})

t.test('the ports are those that challenges want: each once, in order', (t) => {
  const leases = new Leases(clock)
  for (const [token, port] of [
    ['a', 8080],
    ['b', 80],
    ['c', 8080],
    ['d', 443],
  ] as const)
    leases.arm(arm(token, { port }))
  t.strictSame(leases.portsOf('http-01'), [80, 443, 8080])
  leases.disarm('a')
  t.strictSame(leases.portsOf('http-01'), [80, 443, 8080])
  leases.disarm('c')
  t.strictSame(leases.portsOf('http-01'), [80, 443])
  t.end()
})

t.test('there is room for 1000 challenges; one that is armed can still be armed again', (t) => {
  const leases = new Leases(clock)
  for (let at = 0; at < 1_000; at++) leases.arm(arm(`token-${at}`))
  t.throws(() => leases.arm(arm('one more')), { code: 'too-many-challenges', message: /1000/ })
  t.doesNotThrow(() => leases.arm(arm('token-7')))
  t.equal(leases.size, 1_000)
  leases.disarm('token-7')
  t.doesNotThrow(() => leases.arm(arm('one more')))
  t.end()
})

t.test('the status says all there is to say', async (t) => {
  const leases = new Leases(clock)
  leases.arm(arm('one', { identifier: 'a.example', port: 8080, ttl: 60 }))
  leases.note(event('takenOver', 'one', 50_000))
  await clock.pass(1_600)
  const [status] = leases.status()
  t.match(status, {
    token: 'one',
    identifier: 'a.example',
    port: 8080,
    armedAt: '2030-01-02T03:04:05.000Z',
    expiresIn: 58,
    visits: [{ at: time, client: '192.0.2.2:50000', state: 'takenOver' }],
  })
  await clock.pass(1e6)
  t.equal(leases.status()[0]?.expiresIn, 0, 'no time left is none')
})

t.test('a visit changes its state; one of another client, or the next of the same, is its own', (t) => {
  const leases = new Leases(clock)
  leases.arm(arm('one'))
  for (const kind of ['takenOver', 'answered', 'acknowledged'] as const) leases.note(event(kind, 'one', 50_000))
  leases.note(event('takenOver', 'one', 50_001))
  leases.note(event('abandoned', 'one', 50_001))
  leases.note(event('takenOver', 'one', 50_000))
  t.match(
    leases.status()[0]?.visits.map(({ client, state }) => [client, state]),
    [
      ['192.0.2.2:50000', 'acknowledged'],
      ['192.0.2.2:50001', 'abandoned'],
      ['192.0.2.2:50000', 'takenOver'],
    ],
  )
  t.end()
})

t.test('a visit to a challenge that is gone is no error', (t) => {
  const leases = new Leases(clock)
  leases.note(event('answered', 'gone'))
  t.strictSame(leases.status(), [])
  t.end()
})

t.test('a visit says what was answered: nothing yet, the key authorization, or no body', (t) => {
  const leases = new Leases(clock)
  leases.arm(arm('one'))
  leases.note(event('takenOver', 'one', 1))
  t.equal(leases.status()[0]?.visits[0]?.answer, undefined)
  leases.note(event('answered', 'one', 1))
  leases.note(event('acknowledged', 'one', 1))
  leases.note(event('takenOver', 'one', 2, 0))
  leases.note(event('answered', 'one', 2, 0))
  leases.note(event('takenOver', 'one', 1))
  t.strictSame(
    leases.status()[0]?.visits.map(({ state, answer }) => [state, answer]),
    [
      ['acknowledged', { status: 200, bytes: 'one.print'.length }],
      ['answered', { status: 200, bytes: 0 }],
      ['takenOver', undefined],
    ],
  )
  t.end()
})

t.test(
  'a challenge that is retired is not armed any more, and its visits are noted until it is concluded',
  async (t) => {
    const leases = new Leases(clock)
    for (const token of ['one', 'two']) leases.arm(arm(token))
    leases.note(event('takenOver', 'one'))
    leases.retire('one')
    t.strictSame(
      [[...leases.challenges.keys()], leases.size, leases.status().map(({ token }) => token)],
      [['two'], 1, ['two']],
    )
    leases.note(event('answered', 'one'))
    leases.note(event('acknowledged', 'one'))
    await clock.pass(1_000)
    t.match(leases.conclude('one'), {
      token: 'one',
      expiresIn: 3599,
      visits: [{ state: 'acknowledged', answer: { bytes: 9 } }],
    })
    t.equal(leases.conclude('one'), undefined, 'once')
    t.equal(leases.conclude('two'), undefined, 'what is armed is not')
    leases.retire('never armed')
    t.equal(leases.conclude('never armed'), undefined)
  },
)

t.test('each challenge knows of the requests for unknown tokens since it was armed', (t) => {
  const leases = new Leases(clock)
  leases.note(event('unknownToken', 'early'))
  leases.arm(arm('one'))
  t.notOk('strays' in (leases.status()[0] ?? {}))
  leases.note(event('unknownToken', 'stray', 40_000))
  leases.arm(arm('two'))
  leases.note(event('unknownToken', 'late', 40_001))
  leases.arm(arm('one'))
  const last = { client: '192.0.2.2:40001', token: 'late', at: time }
  t.match(leases.status(), [
    { token: 'one', strays: { ...last, count: 2 } },
    { token: 'two', strays: { ...last, count: 1 } },
  ])
  t.strictSame(
    leases.status().map(({ visits }) => visits),
    [[], []],
  )
  t.end()
})

t.test('the newest 50 visits are kept', (t) => {
  const leases = new Leases(clock)
  leases.arm(arm('one'))
  for (let port = 1; port <= 60; port++) leases.note(event('takenOver', 'one', port))
  const clients = leases.status()[0]?.visits.map(({ client }) => client) ?? []
  t.strictSame([clients.length, clients[0], clients.at(-1)], [50, '192.0.2.2:11', '192.0.2.2:60'])
  t.end()
})

function arm(token: string, more: Partial<ArmRequest & Http01Challenge> = {}): ArmRequest {
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
