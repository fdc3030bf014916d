/** A short run of `npm run fuzz`. */
import t from 'tap'
import { seed } from '../seed.js'
import { fuzzMessages } from './control-messages.js'
import { fuzzSocket } from './control-socket.js'
import { fuzzDns } from './dns-messages.js'
import { fuzzHellos } from './hellos.js'
import { PacketTarget } from './packets.js'
import { Random } from './random.js'

t.test('every decision about a packet is one that may be', async (t) => {
  const target = new PacketTarget(seed)
  t.doesNotThrow(() => target.run(30_000), `seed ${seed}`)
  t.doesNotThrow(() => target.settle(), 'and every flow is forgotten in the end')
  const { packets, accepted, dropped, takenOver, takenOverByTls, replies, evicted, foretold } = target.counts
  t.equal(packets, accepted + dropped + takenOver)
  for (const count of [accepted, dropped, takenOver, takenOverByTls, replies, evicted, foretold])
    t.ok(count > 0, 'everything that may happen did')
})

t.test('the same seed gives the same packets', async (t) => {
  const [one, other] = [new PacketTarget(seed), new PacketTarget(seed)]
  one.run(3_000)
  other.run(3_000)
  t.same(one.counts, other.counts)
})

t.test('a DNS message is answered as the model does, by UDP and by TCP', async (t) => {
  const { messages, answered, truncated, strays, forServer, conversations } = fuzzDns(new Random(seed), 10_000)
  t.equal(messages, answered + truncated + strays + forServer)
  for (const count of [answered, truncated, strays, forServer, conversations])
    t.ok(count > 0, 'everything that may happen did')
})

t.test('a hello is read as the model reads it', async (t) => {
  const { recognised, other, partial } = fuzzHellos(new Random(seed), 10_000)
  t.ok(recognised > 0 && other > 0 && partial > 0, `seed ${seed}: ${recognised} recognised, ${other} other`)
})

t.test('a control message is parsed or refused', async (t) => {
  const { parsed, refused } = fuzzMessages(new Random(seed), 20_000)
  t.ok(parsed > 0 && refused > 0, `seed ${seed}: ${parsed} parsed, ${refused} refused`)
})

t.test('the control socket answers or closes, whatever it hears', async (t) => {
  const { connections, answered, refused } = await fuzzSocket(new Random(seed), 200)
  t.ok(answered > 0 && refused > 0 && answered <= connections, `seed ${seed}: ${answered} of ${connections} answered`)
})
