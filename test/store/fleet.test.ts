import t from 'tap'
import type { ControlRequest, ControlResponse } from '../../src/control/message.js'
import { fakeClock, turns } from '../responder/fake-clock.js'
import { entryId, sealEntry, type Entry } from '../../src/store/entry.js'
import { FleetNode, type FleetState } from '../../src/store/fleet-node.js'
import { BEAT, LIVE_TIME } from '../../src/store/node-record.js'
import { publish, type Published } from '../../src/store/publish.js'
import { armedEntry, dnsEntry, SECRET, withdrawnEntry } from './entries.js'
import { memoryStore } from './memory-store.js'

const entry = armedEntry()
const id = entryId(entry)
const visit = { at: '2030-01-02T03:04:07.000Z', client: '192.0.2.1:54321', state: 'acknowledged' as const }

function stage() {
  const clock = fakeClock()
  const store = memoryStore(() => clock.date().getTime())
  const start = (name: string, secret = SECRET) => {
    const asked: ControlRequest[] = []
    const refusals: string[] = []
    const node = {
      asked,
      refusals,
      isDeaf: false,
      state: undefined as FleetState | undefined,
      armed: () => asked.filter(({ op }) => op === 'arm').length,
      disarmed: () => asked.filter(({ op }) => op === 'disarm').length,
    }
    const running = new FleetNode({
      ...{ id: `id-of-${name}`, name, version: '0.2.0', secret, clock, connect: store.connect(['entries']) },
      ask: (message) => {
        if (node.isDeaf) return Promise.resolve('absent' as const)
        asked.push(message)
        const { token } = entry
        const challenge = {
          token,
          identifier: 'example.com',
          port: 80,
          armedAt: visit.at,
          expiresIn: 9,
          visits: [visit],
        }
        const response = { ok: true as const, ...(message.op === 'disarm' && { challenge }) }
        return Promise.resolve(response satisfies ControlResponse)
      },
      onState: (state) => (node.state = state),
      onFailure: () => undefined,
      onRefusal: (_id, reason) => refusals.push(reason),
    })
    return Object.assign(node, { close: () => running.close() })
  }
  const hook = (one: Entry, seconds = 10) => {
    const result: { done: Published | undefined } = { done: undefined }
    const options = { connect: store.connect(['nodes']), secret: SECRET, clock, timeLimit: seconds * 1000 }
    void publish([one], options).then((done) => (result.done = done))
    return result
  }
  return { clock, store, start, hook }
}

t.test(
  'a hook is done when every node has armed, and when every node has disarmed, and knows who asked whom',
  async (t) => {
    const { clock, store, start, hook } = stage()
    const nodes = ['web1', 'web2', 'web3'].map((name) => start(name))
    await clock.pass(LIVE_TIME + BEAT)
    const armed = hook(entry)
    await turns()
    t.match(armed.done, { names: [], live: 3, trouble: undefined }, 'without any time passing')
    t.same(
      nodes.map((node) => node.armed()),
      [1, 1, 1],
    )
    const withdrawn = hook(withdrawnEntry())
    await turns()
    t.same(
      nodes.map((node) => node.disarmed()),
      [1, 1, 1],
    )
    t.same(
      withdrawn.done?.visits.get(entry.token)?.map(({ node }) => node),
      ['web1', 'web2', 'web3'],
    )
    t.same([store.entries.size, store.visits.size], [0, 0], 'nothing is left in the store')
    await Promise.all(nodes.map((node) => node.close()))
    t.equal(store.nodes.size, 0)
  },
)

t.test('a node arms a challenge of dns-01 as the hook has published it', async (t) => {
  const { clock, start, hook } = stage()
  const node = start('web1')
  await clock.pass(LIVE_TIME + BEAT)
  const armed = hook(dnsEntry())
  await turns()
  t.match(armed.done, { names: [], live: 1, trouble: undefined })
  const { digest } = node.asked[0] as { digest?: string }
  t.match(node.asked, [{ op: 'arm', type: 'dns-01', token: digest, identifier: 'example.com', port: 53 }])
  await node.close()
})

t.test('the hook names the nodes that are late, and does not wait longer than it may', async (t) => {
  const { clock, start, hook } = stage()
  const [well, deaf] = [start('web1'), start('web2')]
  deaf.isDeaf = true
  await clock.pass(LIVE_TIME + BEAT)
  const armed = hook(entry)
  await clock.pass(9_999)
  t.equal(armed.done, undefined)
  await clock.pass(1)
  t.match(armed.done, { names: ['web2'], live: 2, trouble: undefined })
  deaf.isDeaf = false
  await clock.pass(BEAT)
  t.same([well.armed(), deaf.armed()], [1, 1], 'it is tried again')
})

t.test('a node that died is waited for no longer than others can tell', async (t) => {
  const { clock, start, hook } = stage()
  const [, dead] = [start('web1'), start('web2')]
  await clock.pass(LIVE_TIME + BEAT)
  dead.isDeaf = true
  await dead.close()
  const armed = hook(entry)
  await turns()
  t.match(armed.done, { names: [], live: 1 }, 'one that ended has said so')
})

t.test('a store that is away for a while loses neither challenge nor node', async (t) => {
  const { clock, store, start, hook } = stage()
  const nodes = ['web1', 'web2'].map((name) => start(name))
  await clock.pass(LIVE_TIME + BEAT)
  store.isThere = false
  const armed = hook(entry)
  await clock.pass(3_000)
  t.equal(armed.done, undefined)
  t.equal(nodes[0]?.state?.trouble?.code, 'store-unreachable')
  // It was started again, without anything in it.
  store.entries.clear()
  store.nodes.clear()
  store.isThere = true
  await clock.pass(6_900)
  t.match(armed.done, { names: [], live: 2, trouble: undefined })
  t.same(
    nodes.map((node) => node.armed()),
    [1, 1],
  )
  store.entries.clear()
  await clock.pass(BEAT * 2)
  t.same(
    nodes.map((node) => node.disarmed()),
    [0, 0],
    'an empty store disarms nothing',
  )
  hook(withdrawnEntry())
  await clock.pass(LIVE_TIME)
  t.same(
    nodes.map((node) => node.disarmed()),
    [1, 1],
  )
})

t.test('without a store the hook gives up in time and says why', async (t) => {
  const { clock, store, hook } = stage()
  store.isThere = false
  const armed = hook(entry, 5)
  await clock.pass(5_000)
  t.match(armed.done?.trouble, { code: 'store-unreachable' })
})

t.test('a forged entry is refused, counted and not armed; a node with another secret is seen', async (t) => {
  const { clock, store, start } = stage()
  const [node, other] = [start('web1'), start('web2', Buffer.alloc(32, 9))]
  store.entries.set(id, sealEntry(entry, Buffer.alloc(32, 8)))
  await clock.pass(BEAT * 3)
  t.same([node.armed(), node.refusals, node.state?.refused], [0, ['unsealed'], { unsealed: 1 }])
  t.same(node.state?.unverified, ['id-of-web2'])
  t.equal(other.armed(), 0)
  store.entries.set(id, sealEntry(entry, SECRET))
  await clock.pass(BEAT)
  t.same([node.armed(), other.armed()], [1, 0])
})
