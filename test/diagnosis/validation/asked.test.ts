import t from 'tap'
import type { ChallengeStatus, Visit } from '../../../src/control/challenge-status.js'
import { describeAsked, diagnoseAsked } from '../../../src/diagnosis/validation/asked.js'

const at = '2030-01-02T03:04:07.000Z'
const answer = { status: 200, bytes: 87 }

t.test('where everybody has acknowledged the answer there is no diagnosis, but the story can be told', (t) => {
  const one = asked(['192.0.2.2:1', 'acknowledged'])
  t.equal(diagnoseAsked(one), undefined)
  t.equal(describeAsked(one), 'example.org: 1 request from 1 address (IPv4); the answer was acknowledged by 192.0.2.2')
  const several = asked(
    ['192.0.2.2:1', 'acknowledged'],
    ['192.0.2.2:2', 'acknowledged'],
    ['[2001:db8::2]:1', 'acknowledged'],
  )
  t.equal(diagnoseAsked(several), undefined)
  t.equal(
    describeAsked(several),
    'example.org: 3 requests from 2 addresses (1 IPv4, 1 IPv6); the answer was acknowledged by 192.0.2.2 and 2001:db8::2',
  )
  t.end()
})

t.test('from many places: some are named, all are counted', (t) => {
  const many = asked(
    ...Array.from({ length: 7 }, (_, place): [string, Visit['state']] => [
      `[2001:db8::${place + 1}]:5`,
      'acknowledged',
    ]),
  )
  t.equal(
    describeAsked(many),
    'example.org: 7 requests from 7 addresses (IPv6); the answer was acknowledged by 2001:db8::1, 2001:db8::2, 2001:db8::3, 2001:db8::4 and 3 more',
  )
  t.end()
})

t.test('an answer that nobody acknowledged, given up or not', (t) => {
  for (const state of ['answered', 'abandoned'] as const) {
    t.strictSame(diagnoseAsked(asked(['192.0.2.2:1', state, answer])), {
      code: 'not-acknowledged',
      cause: 'example.org: 1 request from 1 address (IPv4); the answer was not acknowledged by 192.0.2.2',
    })
  }
  t.end()
})

t.test('an answer by UDP, which nobody acknowledges, is none to worry about', (t) => {
  const { visits, ...rest } = asked(['192.0.2.2:1', 'answered', answer], ['192.0.2.3:1', 'acknowledged', answer])
  const byUdp = {
    ...rest,
    visits: visits.map((visit, at) => ({ ...visit, ...(at === 0 && { transport: 'udp' as const }) })),
  }
  t.equal(diagnoseAsked(byUdp), undefined)
  t.equal(
    describeAsked(byUdp),
    'example.org: 2 requests from 2 addresses (IPv4); the answer was acknowledged by 192.0.2.3; the answer was sent by UDP to 192.0.2.2',
  )
  t.end()
})

t.test('a request that was never whole', (t) => {
  for (const state of ['takenOver', 'abandoned'] as const) {
    t.strictSame(diagnoseAsked(asked(['192.0.2.2:1', state])), {
      code: 'not-finished',
      cause: 'example.org: 1 request from 1 address (IPv4); the request was not finished by 192.0.2.2',
    })
  }
  t.end()
})

t.test('only some acknowledged: who did and who did not is said', (t) => {
  const some = asked(
    ['192.0.2.2:1', 'acknowledged', answer],
    ['192.0.2.3:1', 'abandoned', answer],
    ['[2001:db8::2]:1', 'abandoned'],
  )
  t.strictSame(diagnoseAsked(some), {
    code: 'not-acknowledged',
    cause:
      'example.org: 3 requests from 3 addresses (2 IPv4, 1 IPv6); the answer was acknowledged by 192.0.2.2; the answer was not acknowledged by 192.0.2.3; the request was not finished by 2001:db8::2',
  })
  t.end()
})

t.test('whoever tried again and got it is content', (t) => {
  t.equal(diagnoseAsked(asked(['192.0.2.2:1', 'abandoned'], ['192.0.2.2:2', 'acknowledged', answer])), undefined)
  t.match(diagnoseAsked(asked(['192.0.2.2:2', 'acknowledged', answer], ['192.0.2.2:1', 'abandoned'])), {
    code: 'not-finished',
  })
  t.end()
})

function asked(
  ...visits: readonly (readonly [client: string, state: Visit['state'], answer?: Visit['answer']])[]
): ChallengeStatus {
  return {
    token: 'token',
    identifier: 'example.org',
    port: 80,
    armedAt: at,
    expiresIn: 3599,
    visits: visits.map(([client, state, answer]) => ({ at, client, state, ...(answer && { answer }) })),
  }
}
