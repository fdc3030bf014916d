import { pathToFileURL } from 'node:url'
import t from 'tap'
import { hasIpv6, trackedConnections } from '../../src/firewall/tracking.js'
import { createNamespace, type Namespace } from '../../src/lab/namespace.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { withBuiltModule } from '../kernel/built-module.js'
import { requiresKernel } from '../requires-kernel.js'

const { skip } = await requiresKernel()
const look = withBuiltModule(
  'firewall/tracking.js',
  `const { run } = await import(${JSON.stringify(pathToFileURL(inRepository('dist/firewall/run.js')).href)}); show([await it.isTracking(4, run), await it.isTracking(6, run), it.trackedConnections(), it.hasIpv6()])`,
)
const conntrack = ['-t', 'mangle', '-A', 'INPUT', '-p', 'tcp', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT']

t.test('where nothing is tracked the answer is no, and looking has switched nothing on', { skip }, async (t) => {
  const namespace = await makeNamespace(t, 'off')
  for (const time of ['first', 'second']) t.strictSame(await lookIn(namespace), [false, false, 0, true], time)
})

t.test('where connections are tracked the answer is yes, for the family they are tracked in', { skip }, async (t) => {
  const namespace = await makeNamespace(t, 'on')
  await namespace.exec(['iptables', ...conntrack])
  t.match(await lookIn(namespace), [true, false])
  await namespace.exec(['ip6tables', ...conntrack])
  t.match(await lookIn(namespace), [true, true])
})

t.test('where IPv6 alone is tracked, IPv4 is not', { skip }, async (t) => {
  const namespace = await makeNamespace(t, 'six')
  await namespace.exec(['ip6tables', ...conntrack])
  t.match(await lookIn(namespace), [false, true])
})

t.test('where a rule drops even a loopback datagram, the rules tell', { skip }, async (t) => {
  for (const variant of ['nft', 'legacy']) {
    const namespace = await makeNamespace(t, `drop-${variant}`)
    await namespace.exec([
      `iptables-${variant}`,
      '-A',
      'OUTPUT',
      '-m',
      'conntrack',
      '--ctstate',
      'ESTABLISHED',
      '-j',
      'ACCEPT',
    ])
    await namespace.exec([`iptables-${variant}`, '-P', 'OUTPUT', 'DROP'])
    t.match(await lookIn(namespace), [true, false], variant)
  }
})

t.test('a namespace without IPv6 has nothing to track there', { skip }, async (t) => {
  const namespace = await makeNamespace(t, 'none')
  await namespace.exec(['iptables', ...conntrack])
  await namespace.exec(['ip6tables', ...conntrack])
  await namespace.exec(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1'])
  t.match(await lookIn(namespace), [true, false, Number, false])
})

t.test('in this process, whatever its kernel is like, looking does not fail', (t) => {
  const count = trackedConnections()
  t.ok(count === undefined || Number.isInteger(count), `tracked: ${String(count)}`)
  t.type(hasIpv6(), 'boolean')
  t.end()
})

async function makeNamespace(t: { teardown(undo: () => unknown): void }, role: string): Promise<Namespace> {
  const name = `cnfq-track-${process.pid}-${role}`
  t.teardown(() => run(['ip', 'netns', 'delete', name], { reject: false }))
  return createNamespace(name, 'lo', { ipv4: '127.0.0.1', ipv6: '::1' })
}

/** Whether IPv4 and IPv6 are tracked, how many connections are then, and whether there is IPv6. */
async function lookIn(namespace: Namespace): Promise<unknown> {
  return JSON.parse((await namespace.exec(look)).stdout) as unknown
}
