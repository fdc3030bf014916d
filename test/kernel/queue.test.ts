import t from 'tap'
import { boundQueues } from '../../src/kernel/queue.js'
import { openLab } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import { withBuiltModule } from './built-module.js'

const { skip } = await requiresKernel()
const nothing = '() => ({ verdict: "accept" }), () => {}'

t.test(
  'a number that is taken is refused by the name of its holder, and one that is picked is free',
  { skip },
  async (t) => {
    const lab = await openLab()
    t.teardown(lab.close)
    const holding = (number: number | undefined) =>
      lab.server.spawn(
        withBuiltModule(
          'kernel/queue.js',
          `show({ bound: (await it.openQueue(${String(number)}, ${nothing})).number })`,
        ),
      )
    const attempt = async (number: number) => {
      const body = `it.openQueue(${number}, ${nothing}).then(({ number }) => show(number), ({ code, message }) => show([code, message])).then(() => process.exit())`
      return JSON.parse((await lab.server.exec(withBuiltModule('kernel/queue.js', body))).stdout) as unknown
    }

    const first = holding(undefined)
    t.equal((await first.waitForOutput(/"bound":(\d+)/))[1], '8555')
    t.strictSame(await attempt(8555), [
      'queue-unavailable',
      `NFQUEUE number 8555 is taken by another program (netlink port ${first.pid}, usually its process id)`,
    ])
    const third = holding(8557)
    await third.waitForOutput(/"bound":8557/)
    const second = holding(undefined)
    t.equal((await second.waitForOutput(/"bound":(\d+)/))[1], '8556')
    const fourth = holding(undefined)
    t.equal((await fourth.waitForOutput(/"bound":(\d+)/))[1], '8558', 'taken ones are passed over')

    const { stdout } = await lab.server.exec(withBuiltModule('kernel/queue.js', 'show([...it.boundQueues()].sort())'))
    t.strictSame(JSON.parse(stdout), [
      [8555, first.pid],
      [8556, second.pid],
      [8557, third.pid],
      [8558, fourth.pid],
    ])

    await first.stop('SIGKILL')
    t.equal(await attempt(8555), 8555, 'the kernel frees the number of a killed holder')
    t.equal(await attempt(0), 0)
    t.equal(await attempt(65535), 65535)
  },
)

t.test('who has no right to it is told so', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const body = `it.openQueue(undefined, ${nothing}).catch(({ code, message }) => show([code, message])).then(() => process.exit())`
  const { stdout } = await lab.server.exec([
    'setpriv',
    '--bounding-set=-all',
    '--inh-caps=-all',
    ...withBuiltModule('kernel/queue.js', body),
  ])
  t.match(JSON.parse(stdout), ['queue-unavailable', /not enough rights/])
})

t.test('each verdict is carried out; what the handler throws is told, and the packet passes', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await lab.server.exec([
    'iptables',
    '-t',
    'mangle',
    '-A',
    'INPUT',
    '-p',
    'udp',
    '--dport',
    '9000',
    '-j',
    'NFQUEUE',
    '--queue-num',
    '7',
  ])
  const body = `
    import { createSocket } from 'node:dgram'
    const faults = []
    const interfaces = new Set()
    const handle = (bytes, interfaceIndex) => {
      interfaces.add(interfaceIndex)
      const text = Buffer.from(bytes).subarray(28).toString()
      if (text === 'throw') throw new Error('fault')
      if (text === 'drop') return { verdict: 'drop' }
      if (text !== 'replace') return { verdict: 'accept' }
      const replaced = Uint8Array.from(bytes)
      replaced.set(Buffer.from('by this'), 28)
      replaced.fill(0, 26, 28) // no UDP checksum
      return { verdict: { replace: replaced } }
    }
    await it.openQueue(7, handle, (thrown) => faults.push(thrown.message))
    const received = []
    const socket = createSocket('udp4')
    socket.on('message', (message) => {
      received.push(message.toString())
      if (received.at(-1) !== 'end') return
      show({ received, faults, interfaces: [...interfaces] })
      process.exit()
    })
    socket.bind(9000, '127.0.0.1', () => {
      for (const text of ['accept', 'drop', 'replace', 'throw', 'end']) socket.send(text, 9000, '127.0.0.1')
    })`
  const { stdout } = await lab.server.exec(withBuiltModule('kernel/queue.js', body))
  t.strictSame(JSON.parse(stdout), {
    received: ['accept', 'by this', 'throw', 'end'],
    faults: ['fault'],
    interfaces: [1],
  })
})

t.test('in this process, whatever its kernel is like, the bound queues can be looked at', (t) => {
  t.type(boundQueues(), Map)
  t.end()
})
