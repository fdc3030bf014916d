import t from 'tap'
import type { Visit, VisitState } from '../../../src/control/challenge-status.js'
import type { AskState } from '../../../src/diagnosis/self-check/asking.js'
import {
  describeWarning,
  SELF_CHECK_ADVICE,
  warningOf,
  type CheckedPort,
} from '../../../src/diagnosis/self-check/warning.js'

const client = '127.0.0.1:40000'
const found = (
  version: 4 | 6,
  state: AskState,
  {
    isTranslated = false,
    port = 80,
    before = [],
  }: { isTranslated?: boolean | undefined; port?: number; before?: AskState[] } = {},
): CheckedPort => ({
  port,
  version,
  isTranslated,
  results: [...before.map((state) => ({ state, client: '127.0.0.1:39999' })), { state, client }],
})
const visit = (state: VisitState): Visit => ({ at: '2030-01-02T03:04:05.000Z', client, state })

t.test('by UDP there is no connection to speak of, and each transport counts for itself', (t) => {
  const byUdp = (state: AskState) => ({ ...found(4, state, { port: 53 }), transport: 'udp' }) as const
  const byTcp = found(4, 'answered', { port: 53 })
  const answered = { ...visit('answered'), transport: 'udp' as const }
  t.equal(warningOf([byUdp('answered'), byTcp], [answered]), undefined)
  const told = [
    [byUdp('refused'), [], 'nobody listens on port 53 by UDP and IPv4'],
    [
      byUdp('not accepted'),
      [],
      'no answer to a query to port 53 by UDP and IPv4: a firewall rule may drop the one or the other',
    ],
    [
      byUdp('not accepted'),
      [answered],
      "the responder's answer to a request to port 53 by UDP and IPv4 did not arrive: a firewall rule may drop it",
    ],
    [
      byUdp('other answer'),
      [],
      'a request to port 53 by UDP and IPv4 was answered by another than the responder: a firewall rule may let it pass before ours',
    ],
  ] as const
  for (const [finding, seen, text] of told) t.equal(warningOf([finding, byTcp], seen), text)
  t.end()
})

t.test('nothing is said where all is well, or nothing is known', (t) => {
  for (const findings of [
    [],
    [found(4, 'answered'), found(6, 'answered')],
    [found(4, 'answered'), found(6, 'refused')],
    [found(4, 'unknown', { isTranslated: true }), found(6, 'unknown')],
    [found(4, 'refused', { isTranslated: true }), found(6, 'refused', { isTranslated: true })],
    [found(4, 'answered', { before: ['not accepted'] })],
    [found(4, 'unknown', { before: ['answered'] })],
    [{ port: 80, version: 4, isTranslated: undefined, results: [{ state: 'refused' }] } as const],
  ])
    t.equal(warningOf(findings, []), undefined, JSON.stringify(findings))
  t.end()
})

t.test('each fault is said in one line, with what it may mean', (t) => {
  t.equal(
    warningOf([found(4, 'other answer'), found(6, 'answered')], []),
    'a request to port 80 by IPv4 was answered by another than the responder: a firewall rule may let it pass before ours',
  )
  t.match(
    warningOf([found(4, 'not accepted'), found(6, 'not accepted')], []),
    /no connection to port 80 by IPv4 was accepted: a firewall rule may drop it; no connection to port 80 by IPv6 was/,
  )
  t.match(
    warningOf([found(4, 'silent')], []),
    /a connection to port 80 by IPv4 was accepted, but the request on it did not reach the responder/,
  )
  t.match(
    warningOf([found(4, 'silent')], [visit('answered')]),
    /the responder's answer to a request to port 80 by IPv4 did not arrive/,
  )
  t.match(
    warningOf([found(4, 'answered'), found(4, 'refused', { port: 81 })], []),
    /^nobody accepts connections to port 81 by IPv4$/,
  )
  t.match(
    warningOf([found(4, 'unknown', { before: ['not accepted'] })], []),
    /no connection to port 80 by IPv4/,
    'the last that is known counts',
  )
  t.equal(warningOf([found(4, 'silent')], [])?.includes('\n'), false)
  t.end()
})

t.test('a person reads two lines, whatever is in the first', (t) => {
  t.equal(
    describeWarning('a\nb', '/x/docs/errors.md'),
    `certbot-nfq: self-check: a\\nb\n${SELF_CHECK_ADVICE} [self-check, /x/docs/errors.md#self-check]`,
  )
  t.end()
})

t.test('what the responder has seen is slow, and no fault; of another connection it says nothing', (t) => {
  for (const state of ['takenOver', 'acknowledged', 'abandoned'] as const) {
    for (const asked of ['silent', 'other answer'] as const)
      t.equal(warningOf([found(4, asked)], [visit(state)]), undefined, `${asked}, ${state}`)
    t.equal(
      warningOf(
        [{ ...found(4, 'not accepted'), results: [{ state: 'silent', client }, { state: 'not accepted' }] }],
        [visit(state)],
      ),
      undefined,
      `over loopback ${state}`,
    )
  }
  t.match(
    warningOf([found(4, 'silent')], [{ ...visit('takenOver'), client: '127.0.0.1:40001' }]),
    /did not reach the responder/,
  )
  t.end()
})

t.test('a responder that does not tell what it has seen is not suspected', (t) => {
  for (const state of ['silent', 'other answer'] as const)
    t.equal(warningOf([found(4, state)], undefined), undefined, state)
  t.match(warningOf([found(4, 'not accepted')], undefined), /no connection/)
  t.match(warningOf([found(4, 'refused')], undefined), /nobody accepts/)
  t.end()
})
