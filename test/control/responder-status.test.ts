import fc from 'fast-check'
import t from 'tap'
import { readResponderStatus, type ResponderStatus } from '../../src/control/responder-status.js'
import { holds } from '../holds.js'

const at = '2030-01-02T03:04:05.000Z'
const idle: ResponderStatus = {
  version: '1.2.3',
  protocol: 1,
  pid: 42,
  startedAt: at,
  queue: 8555,
  mark: 0x400000,
  ports: [],
  challenges: [],
  counts: { packets: 0, takenOver: 3 },
  log: [],
}
const busy: ResponderStatus = {
  ...idle,
  ports: [80, 8080],
  firewall: { name: 'iptables', selection: 'prefilter', reason: 'nft (prefilter): no such thing', tracked: [4, 6] },
  standalone: [8080],
  endsIn: 9,
  challenges: [{ token: 'token', identifier: 'a.example', port: 80, armedAt: at, expiresIn: 1, visits: [] }],
  webroots: [{ directory: '/srv/www', isWatched: true, isCut: false, armed: 1, refused: { link: 2 } }],
  limits: { packets: 8192 },
  log: ['a line', `${at} error a fault\n    at a place`],
}

t.test('what a responder says of itself is read as it is', (t) => {
  for (const status of [idle, busy]) t.strictSame(readResponderStatus(JSON.parse(JSON.stringify(status))), status)
  t.end()
})

t.test('what has no word is left out, and what is long is cut', (t) => {
  t.strictSame(readResponderStatus({ ...busy, more: [[[]]], challenges: [{ ...busy.challenges[0], more: 1 }] }), busy)
  t.strictSame(readResponderStatus({ ...busy, log: ['x'.repeat(2_000)] })?.log, [`${'x'.repeat(1_000)}…`])
  t.end()
})

t.test('what is of another shape, or too much, is not read', (t) => {
  const others = [
    ...[undefined, null, 'status', 7, [], {}],
    ...Object.keys(idle).map((name) => ({ ...idle, [name]: undefined })),
    ...Object.keys(busy).map((name) => ({ ...busy, [name]: { toString: 'x' } })),
    { ...idle, version: '\x1b[2J' },
    { ...idle, pid: -1 },
    { ...idle, ports: [0] },
    { ...idle, ports: Array(1_001).fill(80) },
    { ...busy, firewall: { ...busy.firewall, name: 'a b' } },
    { ...busy, firewall: { ...busy.firewall, tracked: ['4'] } },
    { ...idle, challenges: [null] },
    { ...idle, challenges: Array(1_001).fill(busy.challenges[0]) },
    { ...idle, counts: { 'a\x07': 1 } },
    { ...idle, counts: { packets: '1' } },
    { ...idle, counts: Object.fromEntries(Array.from({ length: 201 }, (_, place) => [place, 1])) },
    { ...idle, limits: null },
    { ...idle, endsIn: -1 },
    { ...idle, log: [1] },
  ]
  for (const other of others)
    t.equal(readResponderStatus(other), undefined, JSON.stringify(other ?? null).slice(0, 200))
  t.end()
})

t.test('names of the language’s own stay names', (t) => {
  const read = readResponderStatus(
    JSON.parse(JSON.stringify(idle).replace('"packets":0', '"__proto__":1,"constructor":2,"toString":3')),
  )
  t.strictSame(Object.entries(read?.counts ?? {}), [
    ['__proto__', 1],
    ['constructor', 2],
    ['toString', 3],
    ['takenOver', 3],
  ])
  t.equal(Object.getPrototypeOf(read?.counts), Object.prototype)
  t.end()
})

t.test('properties', (t) => {
  const names = Object.keys(busy)
  holds(
    t,
    'nothing makes it throw',
    fc.property(fc.constantFrom(...names), fc.anything(), fc.jsonValue(), (name, value, json) => {
      readResponderStatus(value)
      readResponderStatus({ ...busy, [name]: json })
      return true
    }),
  )
  t.end()
})
