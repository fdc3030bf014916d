/**
 * dns-01 on real packets, beside a name server that knows nothing of it. nft can queue in a virtual machine only, which
 * is slow, so there it is what differs most from a queue alone: DNAT, and a strict filter.
 */
import t, { type Test } from 'tap'
import type { Namespace, Service } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { framed, queryFor, valuesIn } from '../challenge/dns-01/queries.js'
import { fromText } from '../fixtures/hex.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, type ArmedLab, type ArmedLabOptions } from './armed-lab.js'
import { startDnsServer } from './dns-server.js'
import { askInFragments } from './fragments.js'
import { soon } from './soon.js'
import { trackedConnections } from './stateful-rules.js'
import { connectTcp } from './tcp-client.js'

const isVirtual = process.env['CERTBOT_NFQ_VM'] === '1'
const firewalls = isVirtual ? ['nft'] : ['iptables-nft', 'iptables-legacy']
const here = { skip: isVirtual && 'too slow in a virtual machine' }
const values = ['a', 'b'].map((letter) => letter.repeat(43))
const name = '_acme-challenge.example.com'
const other = '_acme-challenge.example.net'
const [containerPort, secondary] = [8053, '192.0.2.99']
/** The armed name as nothing else spells it. */
const leftToServer = '_acme-challenge.eXAMPLE.com'

for (const firewall of firewalls)
  t.test(`dns-01 by ${firewall}`, await requiresKernel('dig'), async (t) => {
    await t.test('a local name server, without connection tracking', here, async (t) => {
      const { lab, servers } = await openDnsLab(t, { prepare: (server) => server.addAddress(secondary) })
      await arm(t, lab, firewall)
      const { ipv4, ipv6 } = lab.server.addresses
      for (const address of [ipv4, ipv6]) await checkAnswers(t, lab.validator, address)
      // The server itself would answer from its first address.
      t.strictSame(await dig(lab.validator, secondary, name), ['NOERROR', ...values], secondary)
      for (const address of ['127.0.0.1', '::1']) await checkAnswers(t, lab.server, address)
      for (const address of [ipv4, ipv6]) await checkStreams(t, lab.validator, address)
      await checkFragments(t, lab.validator, ipv4)
      t.strictSame(await inFragments(lab.validator, ipv6, leftToServer, [16]), [], 'IPv6: the server has them')
      await servers[0]?.waitForOutput(new RegExp(`udp query ${leftToServer}$`, 'm'))
      await end(t, lab, servers)
      t.equal(await trackedConnections(lab.server), 0, 'connection tracking has not been switched on')
    })

    await t.test('one behind a DNAT, and a local one, where only what is established gets out', async (t) => {
      const { lab, servers } = await openDnsLab(t, { container: true, prepare: publishAndHarden })
      await arm(t, lab, firewall)
      const { ipv4, ipv6 } = lab.server.addresses
      for (const address of [ipv4, ipv6]) await checkAnswers(t, lab.validator, address)
      for (const address of ['127.0.0.1', '::1']) await checkAnswers(t, lab.server, address)
      for (const address of [ipv4, ipv6]) await checkStreams(t, lab.validator, address)
      for (const address of [ipv4, ipv6]) await checkFragments(t, lab.validator, address)
      await end(t, lab, servers)
    })
  })

const onPort = isVirtual ? here : await requiresKernel('dig')
t.test('a port that nobody listens on is served, and all else refused', onPort, async (t) => {
  const lab = await openArmedLab(t, { noWebServer: true })
  await arm(t, lab, firewalls[0] ?? '')
  const { ipv4, ipv6 } = lab.server.addresses
  for (const address of [ipv4, ipv6]) {
    t.strictSame(await dig(lab.validator, address, name), ['NOERROR', ...values])
    t.strictSame(await dig(lab.validator, address, name, '+tcp'), ['NOERROR', ...values])
    t.strictSame(await dig(lab.validator, address, 'www.example.com'), ['REFUSED'])
    t.strictSame(await dig(lab.validator, address, name, '-t', 'NS'), ['NOERROR', 'example.com.'])
    t.match(await dig(lab.validator, address, name, '-t', 'SOA'), ['NOERROR', /^example\.com\. hostmaster\./])
  }
  await end(t, lab, [])
})

/** A name server on port 53, or behind it in the container. */
async function openDnsLab(t: Test, options: ArmedLabOptions): Promise<{ lab: ArmedLab; servers: Service[] }> {
  const servers: Service[] = []
  const lab = await openArmedLab(t, {
    ...options,
    noWebServer: true,
    prepare: async (server, lab) => {
      await options.prepare?.(server, lab)
      servers.push(await startDnsServer(server, 53))
      if ('container' in lab) servers.push(await startDnsServer(lab.container as Namespace, containerPort))
    },
  })
  return { lab, servers }
}

/** Arms two values of one name, as for a wildcard and its base name. */
async function arm(t: Test, lab: ArmedLab, firewall: string): Promise<void> {
  for (const [at, value] of values.entries())
    t.strictSame(await hook(lab, 'auth', at === 0 ? 'Example.com' : 'example.com', value, '--firewall', firewall), '')
  const { answered, acknowledged } = (await lab.running()).counts
  t.strictSame(
    { answered, acknowledged },
    { answered: 4, acknowledged: 2 },
    'the self-check, by each transport and family',
  )
}

/** Runs a hook as certbot does for dns-01. Returns what it says, on both streams. */
async function hook(lab: ArmedLab, name: string, identifier: string, value: string, ...options: string[]) {
  const { stdout, stderr } = await lab.server.exec(
    [inRepository(`hooks/${name}`), '--run-dir', lab.runDirectory, ...options],
    { env: { CERTBOT_DOMAIN: identifier, CERTBOT_VALIDATION: value } },
  )
  return stdout + stderr
}

/** Armed names have all their values and nothing else, and every other name is the server's. */
async function checkAnswers(t: Test, client: Namespace, address: string): Promise<void> {
  for (const transport of ['+notcp', '+tcp']) {
    const ask = (...words: string[]) => dig(client, address, ...words, transport)
    t.strictSame(await ask('_ACME-challenge.eXample.COM'), ['NOERROR', ...values], `${address} ${transport}`)
    t.strictSame(await ask(name, '-t', 'A'), ['NOERROR'], `${address} ${transport}: another type`)
    t.strictSame(await ask(other), ['NXDOMAIN'], `${address} ${transport}: another challenge`)
    t.strictSame(await ask('www.example.com'), ['NXDOMAIN'], `${address} ${transport}: another name`)
  }
}

/** Queries over TCP come in pieces and one after the other, on a connection that is kept. */
async function checkStreams(t: Test, client: Namespace, address: string): Promise<void> {
  const query = framed(queryFor(name))
  for (const lengths of [[2], [1, 2, 3, 14, 20], [30]]) {
    const connection = connectTcp(client, { address, port: 53 })
    for (const [at, length] of [0, ...lengths].entries()) {
      connection.write(query.subarray(length, lengths[at]))
      await connection.acknowledged()
    }
    await soon(() => replies(connection.received()).length > 0, 'a reply')
    connection.write(query)
    await soon(() => replies(connection.received()).length > 1, 'another reply')
    t.strictSame(replies(connection.received()), [values, values], `${address}: split after ${lengths.join(', ')}`)
    await connection.close()
  }
  const mixed = connectTcp(client, { address, port: 53 })
  for (const [at, asked] of [other, name].entries()) {
    mixed.write(framed(queryFor(asked)))
    await soon(() => replies(mixed.received()).length > at, 'a reply')
  }
  t.strictSame(replies(mixed.received()), [[], values], `${address}: first the server answers, then we do`)
  mixed.write(framed(queryFor('www.example.com')))
  t.strictSame(replies(await mixed.ended), [[], values], 'what is the server’s ends a connection of ours')
  await mixed.close()
}

/** Queries in fragments that the kernel joins, before or behind the place where the rules are. */
async function checkFragments(t: Test, client: Namespace, address: string): Promise<void> {
  // The header of UDP alone, the name in two, four pieces, and one piece that says that it is one.
  for (const starts of [[8], [24], [16, 24, 32], []]) {
    const where = `${address}, fragments at ${starts.join(', ')}`
    t.strictSame(await inFragments(client, address, name, starts), values, where)
    t.strictSame(await inFragments(client, address, other, starts), [], where)
  }
}

/** Returns the values in the reply to a query in fragments. There has to be one. */
async function inFragments(client: Namespace, address: string, asked: string, starts: readonly number[]) {
  return valuesIn(await askInFragments(client, address, queryFor(asked), starts))
}

/** Returns the values in each of the replies that a stream has so far. */
function replies(received: string): string[][] {
  const bytes = fromText(received)
  const found: string[][] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const end = at + 2 + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    if (end > bytes.length) break
    found.push(valuesIn(bytes.subarray(at + 2, end)))
    at = end
  }
  return found
}

/** Disarms both. Everybody who asked was answered, no challenge was the server's, and nothing is left. */
async function end(t: Test, lab: ArmedLab, servers: readonly Service[]): Promise<void> {
  const { challenges } = await lab.running()
  t.ok(
    challenges.length === 2 && challenges.every(({ type, visits }) => type === 'dns-01' && visits.length > 2),
    'both know of those who asked',
  )
  const kept = connectTcp(lab.validator, { address: lab.server.addresses.ipv4, port: 53 })
  kept.write(framed(queryFor(name)))
  await soon(() => replies(kept.received()).length > 0, 'a reply')
  for (const value of values) t.equal(await hook(lab, 'cleanup', 'example.com', value), '', 'all is well')
  await kept.ended
  await kept.close()
  for (const server of servers) {
    const others = server.output().replace(`udp query ${leftToServer}`, '')
    t.notMatch(others, /query _acme-challenge\.example\.com/i, 'the server saw no such query')
    t.match(server.output(), /udp response _acme-challenge\.example\.com/i, 'but responses, which it ignores')
  }
  t.strictSame(await lab.leftovers(), [])
}

/** Returns the code of a reply, and the data of its answers, sorted. */
async function dig(client: Namespace, address: string, ...words: string[]): Promise<string[]> {
  const argv = ['dig', '+norecurse', '+tries=1', '+time=20', '+noall', '+comments', '+answer', `@${address}`]
  const { stdout } = await client.exec([...argv, ...(words.includes('-t') ? [] : ['-t', 'TXT']), ...words])
  const [, status = stdout] = /status: (\w+)/.exec(stdout) ?? []
  const answers = [...stdout.matchAll(/^[^;\s]\S*\s+0\s+IN\s+\w+\s+"?(.*?)"?$/gm)].map(([, data = '']) => data)
  return [status, ...answers.sort()]
}

/** Publishes a container's port as port 53, and lets out only what belongs to a connection that came in. */
async function publishAndHarden(server: Namespace): Promise<void> {
  const inside = { iptables: `198.51.100.2:${containerPort}`, ip6tables: `[2001:db8:1::2]:${containerPort}` }
  for (const [program, destination] of Object.entries(inside)) {
    const loopback = program === 'iptables' ? '127.0.0.0/8' : '::1/128'
    const nat = ['tcp', 'udp'].map(
      (transport) =>
        `-A PREROUTING ! -d ${loopback} -p ${transport} --dport 53 -j DNAT --to-destination ${destination}`,
    )
    const established = ['INPUT', 'FORWARD', 'OUTPUT'].map(
      (chain) => `-A ${chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    )
    const input = [
      ...['*nat', ...nat, 'COMMIT'],
      ...['*filter', ':INPUT DROP', ':FORWARD DROP', ':OUTPUT DROP', ...established],
      '-A INPUT -i lo -j ACCEPT',
      '-A OUTPUT -o lo -m conntrack --ctstate NEW -j ACCEPT',
      '-A FORWARD -m conntrack --ctorigdstport 53 --ctstate NEW -j ACCEPT',
      ...(program === 'ip6tables' ? ['-A INPUT -p ipv6-icmp -j ACCEPT', '-A OUTPUT -p ipv6-icmp -j ACCEPT'] : []),
      ...['COMMIT', ''],
    ]
    await server.exec([`${program}-restore`, '--noflush'], { input: input.join('\n') })
  }
}
