import t from 'tap'
import { openLab, type Namespace, type Service } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import { withBuiltModule } from './built-module.js'
import { udpPacket } from './udp-packet.js'

const { skip } = await requiresKernel()
const PORT = 9000

t.test(
  'a packet arrives at its destination with the source it says, also one that is not this host’s',
  { skip },
  async (t) => {
    const lab = await openLab()
    t.teardown(lab.close)
    const peer = await listen(lab.validator)
    const pairs = [
      ['192.0.2.1', '192.0.2.2'],
      ['192.0.2.77', '192.0.2.2'],
      ['2001:db8::1', '2001:db8::2'],
      ['2001:db8::77', '2001:db8::2'],
    ] as const
    const packets = pairs.map(([source, destination]) => udpPacket(source, destination, PORT, `from ${source}`))
    t.strictSame(
      await send(lab.server, packets),
      pairs.map(() => null),
    )
    for (const [source] of pairs) t.ok(await peer.waitForOutput(new RegExp(`"${source} 40000 from ${source}"`)), source)
  },
)

t.test('a packet to this host itself arrives by loopback', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const own = await listen(lab.server)
  const pairs = [
    ['127.0.0.1', '127.0.0.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '::1'],
    ['2001:db8::1', '2001:db8::1'],
  ] as const
  t.strictSame(
    await send(
      lab.server,
      pairs.map(([source, destination]) => udpPacket(source, destination, PORT, 'own')),
    ),
    pairs.map(() => null),
  )
  for (const [source] of pairs) t.ok(await own.waitForOutput(new RegExp(`"${source} 40000 own"`)), source)
})

t.test('a link-local destination is reached by its interface', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const peer = await listen(lab.validator)
  const packet = udpPacket('fe80::1', 'fe80::2', PORT, 'link')
  t.strictSame(await send(lab.server, [packet], await interfaceIndex(lab.server)), [null])
  t.ok(await peer.waitForOutput(/"fe80::1%eth0 40000 link"/))
})

t.test('what hinders a packet is given by name: a rule, or no way there', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await lab.server.exec(['iptables', '-A', 'OUTPUT', '-p', 'udp', '-j', 'DROP'])
  t.strictSame(
    await send(lab.server, [
      udpPacket('192.0.2.1', '192.0.2.2', PORT, 'x'),
      udpPacket('192.0.2.1', '198.51.100.1', PORT, 'x'),
      udpPacket('2001:db8::1', '2001:db9::1', PORT, 'x'),
    ]),
    ['EPERM', 'ENETUNREACH', 'ENETUNREACH'],
  )
})

t.test('a packet leaves by the way that its source is routed, as on a host with two uplinks', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const packets = ['192.0.2.1', '192.0.2.77', '2001:db8::1', '2001:db8::77'].map((source) =>
    udpPacket(source, source.includes(':') ? '2001:db8::2' : '192.0.2.2', PORT, 'x'),
  )
  for (const source of ['192.0.2.77', '2001:db8::77'])
    await lab.server.exec(['ip', source.includes(':') ? '-6' : '-4', 'rule', 'add', 'from', source, 'prohibit'])
  t.strictSame(await send(lab.server, packets), [null, 'EACCES', null, 'EACCES'])
})

t.test('however many sources there are, all are sent, and only so many sockets are kept', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const peer = await listen(lab.validator)
  const sources = Array.from({ length: 100 }, (_, at) => `192.0.2.${at + 100}`)
  const body = `
    import { readdirSync } from 'node:fs'
    const sockets = () => readdirSync('/proc/self/fd').length
    const send = await it.openRawSockets()
    const before = sockets()
    const refusals = ${JSON.stringify(sources.map((source) => base64(udpPacket(source, '192.0.2.2', PORT, 'many'))))}.map((text) => send(Buffer.from(text, 'base64'), 0) ?? null)
    show({ refused: refusals.filter(Boolean), kept: sockets() - before })`
  const { stdout } = await lab.server.exec(withBuiltModule('kernel/raw-socket.js', body))
  t.strictSame(JSON.parse(stdout), { refused: [], kept: 32 })
  for (const source of sources) t.ok(await peer.waitForOutput(new RegExp(`"${source} 40000 many"`)), source)
})

t.test('who has no right to raw sockets is told so', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  const module = withBuiltModule(
    'kernel/raw-socket.js',
    'it.openRawSockets().catch(({ code, message }) => show([code, message]))',
  )
  const { stdout } = await lab.server.exec(['setpriv', '--bounding-set=-all', '--inh-caps=-all', ...module])
  t.strictSame(JSON.parse(stdout), ['capability-missing', 'no raw socket to be had (EPERM)'])
})

/** Sends the packets from a namespace. Returns the error of each, or null. */
async function send(namespace: Namespace, packets: readonly Uint8Array[], index = 0): Promise<unknown> {
  const body = `const send = await it.openRawSockets(); show(${JSON.stringify(packets.map(base64))}.map((text) => send(Buffer.from(text, 'base64'), ${index}) ?? null))`
  return JSON.parse((await namespace.exec(withBuiltModule('kernel/raw-socket.js', body))).stdout) as unknown
}

/** Writes a line with source address, source port and text for each datagram that comes, in either family. */
async function listen(namespace: Namespace): Promise<Service> {
  const body = `
    import { createSocket } from 'node:dgram'
    for (const [type, address] of [['udp4', '0.0.0.0'], ['udp6', '::']]) {
      const socket = createSocket({ type, ipv6Only: type === 'udp6' })
      socket.on('message', (message, from) => show([from.address, from.port, message].join(' ')))
      socket.bind(${PORT}, address, () => show('ready for ' + type))
    }`
  const service = namespace.spawn(withBuiltModule('wire/checksum.js', body))
  for (const type of ['udp4', 'udp6']) await service.waitForOutput(new RegExp(`ready for ${type}`))
  return service
}

async function interfaceIndex({ exec, device }: Namespace): Promise<number> {
  return Number((await exec(['ip', '-o', 'link', 'show', device])).stdout.split(':')[0])
}

function base64(packet: Uint8Array): string {
  return Buffer.from(packet).toString('base64')
}
