import t from 'tap'
import { BEAT, FORGET_TIME, LIVE_TIME, openNode, sealNode, type NodeRecord } from '../../src/store/node-record.js'
import { pendingNodes } from '../../src/store/pending.js'
import { NOW, SECRET } from './entries.js'

const node = (name: string, changes: Partial<NodeRecord> = {}): NodeRecord => ({
  ...{ name, version: '0.2.0', at: NOW, steadySince: NOW - 60_000, offset: -3, delay: 2, armed: {}, refused: {} },
  ...changes,
})
const done = { armed: { entry: 1 } }
const isDone = ({ armed }: NodeRecord) => armed['entry'] === 1
const pending = (records: NodeRecord[], watched = 0) => pendingNodes(records, isDone, { now: NOW, watched })

t.test('a hook waits for the nodes that live and are not done', (t) => {
  t.strictSame(pending([node('a', done), node('b', { at: NOW - BEAT }), node('c')]), {
    names: ['b', 'c'],
    isUnsettled: false,
    live: 3,
  })
  t.strictSame(pending([node('a', done)]), { names: [], isUnsettled: false, live: 1 })
  t.end()
})

t.test('a node that was silent while another was heard is dead', (t) => {
  t.strictSame(pending([node('a', done), node('b', { at: NOW - LIVE_TIME })]).names, [])
  t.strictSame(pending([node('a', done), node('b', { at: NOW - LIVE_TIME + 1 })]).names, ['b'])
  t.end()
})

t.test('after a gap in the store, nobody is dead until there was time to be heard', (t) => {
  const back = node('a', { ...done, steadySince: NOW - 1_000 })
  const records = [back, node('b', { at: NOW - 60_000 }), node('old', { at: NOW - FORGET_TIME })]
  t.strictSame(pending(records), { names: ['b'], isUnsettled: true, live: 1 })
  t.strictSame(pending(records, LIVE_TIME), { names: [], isUnsettled: false, live: 1 })
  t.end()
})

t.test('a store without nodes may have lost them', (t) => {
  t.strictSame(pending([], LIVE_TIME - 1), { names: [], isUnsettled: true, live: 0 })
  t.strictSame(pending([], LIVE_TIME), { names: [], isUnsettled: false, live: 0 })
  t.end()
})

t.test('a record is read as it was sealed; one of another shape, name or secret is not', (t) => {
  const record = node('web1', { armed: { a: 1 }, refused: { unsealed: 2 } })
  t.strictSame(openNode('id', sealNode('id', record, SECRET), SECRET), record)
  t.equal(openNode('other', sealNode('id', record, SECRET), SECRET), 'unsealed')
  t.equal(openNode('id', sealNode('id', record, SECRET), Buffer.alloc(32)), 'unsealed')
  const wrong = [{ name: 'a b' }, { at: -1 }, { offset: 0.5 }, { delay: '1' }, { armed: [] }, { refused: { x: -1 } }]
  for (const changes of wrong)
    t.equal(openNode('id', sealNode('id', { ...record, ...changes } as NodeRecord, SECRET), SECRET), 'malformed')
  t.end()
})
