import t from 'tap'
import { judgeFleet } from '../../../src/diagnosis/doctor/fleet.js'

const url = 'redis://store:6379'
const node = { name: 'web1', version: '0.2.0', age: 1, isLive: true, offset: 5, delay: 1, armed: 0, refused: 0 }
const levels = (reading: Parameters<typeof judgeFleet>[0]) =>
  judgeFleet(reading).map(({ level, message }) => `${level} ${message}`)

t.test('a fleet whose nodes all agree is well', (t) => {
  t.same(levels(undefined), [])
  t.same(levels({ url, nodes: [node, { ...node, name: 'web2' }], unverified: 0, offset: -60_000 }), [
    `ok 2 live nodes in ${url}: web1, web2`,
  ])
  t.end()
})

t.test('a clock, a secret and a store that are off are found', (t) => {
  t.same(levels({ cause: 'the store does not answer', fix: 'see' }), ['fail the store does not answer'])
  const nodes = [
    { ...node, offset: -60_001 },
    { ...node, name: 'web2', isLive: false, offset: 1e6 },
  ]
  t.same(levels({ url, nodes, unverified: 1, offset: 0 }), [
    `warn 1 of 3 nodes of ${url} have another secret, or are made up`,
    'warn clock off: web1 (0.2.0), heard of 1 s ago, 0 armed, clock -60.0 s, store answers in 1 ms',
  ])
  t.same(levels({ url, nodes: [], unverified: 0, offset: 75_000 }), [
    `warn no node lives in ${url}`,
    `warn this machine’s clock is 75 s off that of ${url}`,
  ])
  t.end()
})
