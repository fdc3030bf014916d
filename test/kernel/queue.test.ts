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
  t.match(JSON.parse(stdout), ['capability-missing', /without CAP_NET_ADMIN/])
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

t.test('what is too much for the queue goes on, and what waits is counted', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await lab.server.exec([...appendTo('INPUT'), '--dport', '9000', '-j', 'NFQUEUE', '--queue-num', '7'])
  // The thread of the handler is stopped with the first packet: none of them gets a verdict.
  const stuck = lab.server.spawn(
    withBuiltModule(
      'kernel/queue.js',
      `const stop = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
       const one = await it.openQueue(7, stop, () => {}, 2)
       const other = await it.openQueue(undefined, stop, () => {}, 2)
       show({ isFailOpen: [one.isFailOpen, other.isFailOpen], bound: other.number })`,
    ),
  )
  t.match(await stuck.waitForOutput(/.*"bound":8555}/), ['{"isFailOpen":[true,true],"bound":8555}'])
  const { stdout } = await lab.server.exec(
    withBuiltModule(
      'kernel/queue-list.js',
      `import { createSocket } from 'node:dgram'
       const received = []
       const socket = createSocket('udp4')
       socket.on('message', (message) => {
         received.push(message.toString())
         if (received.at(-1) !== 'end') return
         show({ received, listed: it.listQueues().map(({ number, waiting, lost }) => ({ number, waiting, lost })) })
         process.exit()
       })
       socket.bind(9000, '127.0.0.1', () => {
         for (const text of ['1', '2', '3', '4', '5', '6', 'end']) socket.send(text, 9000, '127.0.0.1')
       })`,
    ),
  )
  t.strictSame(JSON.parse(stdout), {
    received: ['3', '4', '5', '6', 'end'],
    listed: [
      { number: 7, waiting: 2, lost: 0 },
      { number: 8555, waiting: 0, lost: 0 },
    ],
  })
  await stuck.stop('SIGKILL')
})

t.test('a packet that is repeated goes through the hook once more, with its own mark and ours', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await lab.server.exec([...appendTo('OUTPUT'), '-j', 'MARK', '--set-xmark', '0x80000001'])
  const rules = [
    ['-m', 'mark', '--mark', '0x80800001', '-j', 'ACCEPT'],
    ['-j', 'NFQUEUE', '--queue-num', '7'],
  ]
  for (const rule of rules) await lab.server.exec([...appendTo('INPUT'), '--dport', '9000', ...rule])
  const { stdout } = await lab.server.exec(
    withBuiltModule(
      'kernel/queue.js',
      `import { createSocket } from 'node:dgram'
       let handled = 0
       const queue = await it.openQueue(7, (bytes) => {
         handled++
         const text = Buffer.from(bytes).subarray(28).toString()
         // These bits are set already: a second turn would be endless.
         return { verdict: { repeat: text === 'set' ? 0x80000001 : 0x800000 } }
       }, () => {})
       const socket = createSocket('udp4')
       const received = []
       socket.on('message', (message) => {
         received.push(message.toString())
         if (received.at(-1) !== 'end') return
         show({ handled, received, counts: [queue.counts().waiting, queue.counts().lost] })
         process.exit()
       })
       socket.bind(9000, '127.0.0.1', () => {
         for (const text of ['clear', 'set', 'end']) socket.send(text, 9000, '127.0.0.1')
       })`,
    ),
  )
  t.strictSame(JSON.parse(stdout), { handled: 3, received: ['clear', 'set', 'end'], counts: [0, 0] })
})

/** The words that append a rule for UDP to one of mangle's chains, but for the rest of them. */
function appendTo(chain: string): string[] {
  return ['iptables', '-t', 'mangle', '-A', chain, '-p', 'udp']
}

t.test('in this process, whatever its kernel is like, the bound queues can be looked at', (t) => {
  t.type(boundQueues(), Map)
  t.end()
})
