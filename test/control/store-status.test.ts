import t from 'tap'
import { describeNode, describeStore } from '../../src/control/describe-store.js'
import { parseRequest } from '../../src/control/message.js'
import { MAX_NODES, readStoreStatus, type NodeStatus, type StoreStatus } from '../../src/control/store-status.js'

const node: NodeStatus = {
  ...{ name: 'web1', version: '0.2.0', age: 1, isLive: true, offset: 0, delay: 2, armed: 1, refused: 0 },
}
const well: StoreStatus = {
  ...{ url: 'rediss://store.example.com:6379', readAt: '2030-01-02T03:04:05.000Z' },
  ...{ armed: 1, refused: {}, nodes: [node], unverified: 0 },
}
const ill: StoreStatus = {
  ...{ url: 'redis://[2001:db8::1]:6379', trouble: 'the store does not answer', armed: 0, unverified: 2 },
  refused: { unsealed: 3, expired: 1 },
  nodes: [node, { ...node, name: 'web2', age: 300, isLive: false, offset: -2_450, refused: 4 }],
}

t.test('what is reported of a store is read as it is, without what has no word', (t) => {
  for (const status of [well, ill]) {
    t.strictSame(readStoreStatus(JSON.parse(JSON.stringify(status))), status)
    t.strictSame(readStoreStatus({ ...status, more: [[]] }), status)
    t.strictSame(parseRequest(JSON.stringify({ version: 1, op: 'store', store: status })), {
      op: 'store',
      store: status,
    })
  }
  t.end()
})

t.test('what is of another shape, or too much, is not read', (t) => {
  const many = <Item>(count: number, item: Item) => Array.from({ length: count }, () => item)
  const wrong: unknown[] = [
    undefined,
    [],
    { ...well, url: 1 },
    { ...well, readAt: 5 },
    { ...well, armed: -1 },
    { ...well, unverified: '0' },
    { ...well, refused: { unsealed: 'x' } },
    { ...well, refused: { ['x'.repeat(65)]: 1 } },
    { ...well, refused: { 'a\u001b': 1 } },
    { ...well, refused: Object.fromEntries(Array.from({ length: 21 }, (_, number) => [`r${number}`, 1])) },
    { ...well, nodes: {} },
    ...[
      { name: '' },
      { name: 'a\nb' },
      { version: 2 },
      { age: -1 },
      { isLive: 1 },
      { offset: 0.5 },
      { delay: '2' },
      { armed: null },
      { refused: 1e300 },
    ].map((part) => ({ ...well, nodes: [{ ...node, ...part }] })),
  ]
  for (const value of wrong) {
    t.equal(readStoreStatus(value), undefined, JSON.stringify(value))
    t.throws(() => parseRequest(JSON.stringify({ version: 1, op: 'store', store: value })), {
      code: 'control-malformed',
    })
  }
  t.equal(readStoreStatus({ ...well, nodes: many(MAX_NODES, node) })?.nodes.length, MAX_NODES)
  t.equal(readStoreStatus({ ...well, nodes: many(MAX_NODES + 1, node) }), undefined, 'too many nodes')
  t.end()
})

t.test('it is said in one line how a store and a node stand', (t) => {
  t.equal(describeStore(well), 'read at 2030-01-02T03:04:05.000Z; 1 live node; 1 challenge armed')
  t.equal(
    describeStore(ill),
    'the store does not answer; what is armed stays so until its time is over; never read; 1 live node; 0 challenges armed; refused: 3 unsealed, 1 expired; 2 with another secret',
  )
  t.equal(describeNode(node), 'web1 (0.2.0), heard of 1 s ago, 1 armed, clock +0.0 s, store answers in 2 ms')
  t.equal(
    describeNode(ill.nodes[1] ?? node),
    'web2 (0.2.0) DOES NOT LIVE, heard of 300 s ago, 1 armed, clock -2.5 s, store answers in 2 ms, 4 refused',
  )
  t.end()
})
