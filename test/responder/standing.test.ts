import t from 'tap'
import { readStatelessStatus } from '../../src/control/stateless-status.js'
import type { FlowEvent } from '../../src/intercept/interceptor.js'
import { Leases } from '../../src/responder/leases.js'
import { openLog } from '../../src/responder/log.js'
import { Standing } from '../../src/responder/standing.js'
import { fakeClock } from './fake-clock.js'

const stateless = { thumbprint: '9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI', names: ['example.com'] }
const token = 'token-of-a-hook-here'

function stand(isListening = false) {
  const clock = fakeClock()
  const lines: string[] = []
  const log = openLog(false, [({ message }) => void lines.push(message)])
  const standing = new Standing({ stateless, port: 8080, isListening }, clock, log)
  const leases = new Leases(clock, standing)
  const note = (kind: FlowEvent['kind'], key: string, clientPort = 1) =>
    leases.note({ kind, key, client: Uint8Array.of(192, 0, 2, 1), clientPort })
  return { clock, lines, standing, leases, note }
}

const armed = (port: number, thumbprint = stateless.thumbprint) => ({
  op: 'arm' as const,
  token,
  keyAuthorization: `${token}.${thumbprint}`,
  identifier: 'example.com',
  port,
  ttl: 60,
})

t.test('its port and any token are wanted while it stands, and the port is listened on only if asked', (t) => {
  const { standing, leases } = stand()
  t.strictSame(leases.wanted, [])
  standing.begin()
  t.strictSame(leases.wanted, [{ type: 'http-01', ports: [8080], tokens: [], wantsOthers: true }])
  t.strictSame(leases.portsToServe, [])
  leases.arm(armed(80))
  t.strictSame(leases.wanted, [{ type: 'http-01', ports: [80, 8080], tokens: [token], wantsOthers: true }])
  t.strictSame(leases.portsToServe, [80], 'a challenge’s port is')
  leases.clear()
  t.strictSame(leases.wanted, [])
  const listening = stand(true)
  listening.standing.begin()
  t.strictSame(listening.leases.portsToServe, [8080])
  t.end()
})

t.test('a visit is noted with its token’s challenge, or else with what stands; status is read back whole', (t) => {
  const { standing, leases, note } = stand()
  t.equal(standing.status(), undefined)
  standing.begin()
  leases.arm(armed(8080))
  for (const kind of ['takenOver', 'answered', 'acknowledged'] as const)
    for (const key of [token, 'x'.repeat(22)]) note(kind, key)
  note('takenOver', 'y'.repeat(22), 2)
  note('abandoned', 'y'.repeat(22), 2)
  note('unknownToken', 'short')
  t.match(leases.status(), [{ visits: [{ state: 'acknowledged' }] }])
  const status = standing.status()
  t.match(status, { ...stateless, port: 8080, answered: 1, abandoned: 1 })
  t.strictSame(
    status?.visits.map(({ state }) => state),
    ['acknowledged', 'abandoned'],
  )
  t.strictSame(readStatelessStatus(JSON.parse(JSON.stringify(status))), status)
  for (const wrong of [{ ...status, names: 'x' }, { ...status, port: 0 }, { ...status, visits: {} }, 'x', null])
    t.equal(readStatelessStatus(wrong), undefined)
  t.end()
})

t.test('a challenge that nobody asked for here is not told of, if every machine answers it the same', (t) => {
  for (const [thumbprint, isAsked, isTold] of [
    [stateless.thumbprint, false, false],
    [stateless.thumbprint, true, true],
    ['another', false, true],
  ] as const) {
    const { standing, leases, note } = stand()
    standing.begin()
    leases.arm(armed(8080, thumbprint))
    if (isAsked) note('takenOver', token)
    leases.retire(token)
    t.equal(leases.conclude(token) !== undefined, isTold, `${thumbprint}, asked: ${isAsked}`)
  }
  t.end()
})

t.test('a flood of tokens fills neither the log nor the memory', async (t) => {
  const { clock, lines, standing, note } = stand()
  standing.begin()
  const flood = (count: number) => {
    for (let visit = 0; visit < count; visit++)
      for (const kind of ['takenOver', 'answered', 'acknowledged'] as const)
        note(kind, `token-${visit}-of-a-flood`, visit)
  }
  flood(1_000)
  t.equal(lines.length, 20)
  t.match(lines[0], 'token-0-of-a-flood, which is not armed, acknowledged: 192.0.2.1:0')
  await clock.pass(60_000)
  t.strictSame(lines.slice(20), ['980 more requests for tokens that are not armed, within a minute'])
  await clock.pass(3_600_000)
  t.equal(lines.length, 21, 'and nothing when nobody asks')
  flood(5)
  t.equal(lines.length, 26, 'a minute later, each is logged again')
  await clock.pass(60_000)
  t.equal(lines.length, 26)
  t.equal(standing.status()?.answered, 1_005)
  t.ok((standing.status()?.visits.length ?? NaN) <= 50)
})
