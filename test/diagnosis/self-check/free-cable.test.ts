import t, { type Test } from 'tap'
import { freeCable } from '../../../src/diagnosis/self-check/free-cable.js'
import { run } from '../../../src/lab/run.js'
import { startService } from '../../../src/lab/service.js'
import { requiresKernel } from '../../requires-kernel.js'

const anywhere = ['192.0.2.1']

t.test(
  'networks that a route or an address of the machine covers, or is part of, are passed over',
  await requiresKernel('ip', 'nsenter', 'unshare'),
  async (t) => {
    const machine = await namespace(t)
    const network = async () => (await freeCable(machine.pid, anywhere))?.networks[4] ?? 'none'
    const tunnel = [
      'route add default dev d0',
      'route add 0.0.0.0/1 dev d0',
      'route add 128.0.0.0/1 dev d0',
      '-6 route add default dev d0',
      '-6 route add fc00::/7 dev d0',
    ]
    for (const line of tunnel) await machine.ip(line)
    t.match(await network(), /^198\.19\./, 'a way to everywhere is no obstacle')
    await machine.ip('route add unreachable 198.18.0.0/15')
    t.match(await network(), /^192\.0\.2\./, 'a network around it')
    for (const octet of Array.from({ length: 128 }, (_, place) => place * 2))
      await machine.ip(`route add 192.0.2.${octet} dev d0 table 77`)
    t.match(await network(), /^198\.51\.100\./, 'a host route within it, in a table of its own')
    await machine.ip('address add 198.51.100.1/24 dev d0 noprefixroute')
    await machine.ip('address add 203.0.113.1/24 dev d0')
    const last = await Promise.all(Array.from({ length: 4 }, network))
    t.ok(
      last.every((network) => network === 'none' || network.startsWith('198.51.100.')),
      last.join(),
    )
    await machine.ip('route add 198.51.100.0/24 dev d0')
    t.equal(await network(), 'none', 'nothing is free')
  },
)

t.test('an address of the machine is enough, without a route of its own', async (t) => {
  const listing = (dst: string) => `[]\n[{"type":"local","dst":"${dst}","dev":"d0","table":"local"}]\n`
  const networks: string[] = []
  const cable = await freeCable(1, anywhere, async (words, lines) => {
    const network = lines.join().match(/[^ ]+\/\d+$/)?.[0] ?? ''
    networks.push(network)
    return words.includes('-4') && networks.length < 3 ? listing(network.replace('/31', '')) : '[]\n[]\n'
  })
  t.equal(cable?.networks[4], networks[2])
})

t.test('where routes cannot be seen there is no cable; a kernel without IPv6 needs none of its', async (t) => {
  t.equal(await freeCable(1, anywhere, async () => undefined), undefined)
  t.ok(await freeCable(1, anywhere, async (words) => (words.includes('-6') ? undefined : '')))
})

/** A network namespace with a device `d0` that is up, and ip(8) in it. */
async function namespace(t: Test): Promise<{ pid: number; ip(line: string): Promise<unknown> }> {
  const holder = startService([
    'unshare',
    '--net',
    'sh',
    '-c',
    'ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up && echo up && exec sleep 600',
  ])
  t.teardown(() => holder.stop('SIGKILL'))
  await holder.waitForOutput(/up/)
  return {
    pid: holder.pid,
    ip: (line) => run(['nsenter', `--net=/proc/${holder.pid}/ns/net`, 'ip', ...line.split(' ')]),
  }
}
