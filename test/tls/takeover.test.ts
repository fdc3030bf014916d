/** What happens to connections on a busy port 443: validators', others', and those of a responder that dies. */
import t from 'tap'
import { join } from 'node:path'
import { serverNameFor } from '../../src/challenge/tls-alpn-01/names.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { startTlsBystanders } from './tls-bystanders.js'
import { callHook, tlsChallengeFor, validate } from './validator.js'

const one = tlsChallengeFor('one.example.com')
const address = tlsChallengeFor('192.0.2.1')
const answered = 'DNS:one.example.com, with the digest'

/** The kernel here may have no queue for nft; that of test/vm has. */
const firewalls = process.env['CERTBOT_NFQ_VM'] ? ['nft'] : ['iptables-nft', 'iptables-legacy']

for (const firewall of firewalls)
  t.test(firewall, await requiresKernel(...programs, 'openssl', 'nft'), async (t) => {
    const lab = await openArmedLab(t)
    const { server, validator } = lab
    const { ipv4, ipv6 } = server.addresses
    const nginx = await startWebServer(lab, { port: 443, isTls: true })
    const options = ['--run-dir', join(lab.directory, 'run'), '--firewall', firewall]
    const before = await validate(validator, ipv4, one.identifier, one)
    const hook = async (method: 'begin' | 'done', challenge = one, ...more: string[]) =>
      t.same(
        await callHook(server, method, challenge, ...options, ...more),
        { exitCode: 0, stdout: '', stderr: '' },
        method,
      )

    await hook('begin')
    await hook('begin', address)
    for (const at of [ipv4, ipv6]) t.equal(await validate(validator, at, one.identifier, one), answered, at)
    t.equal(
      await validate(validator, ipv4, serverNameFor('192.0.2.1'), address),
      'IP Address:192.0.2.1, with the digest',
    )
    t.equal(await validate(validator, ipv4, 'two.example.com', one), before, 'a name that is not armed is nginx’s')
    t.match(nginx.errorLog(), /while SSL handshaking/, 'nginx saw a client that went away')

    // The client sends no longer segments than it is told to.
    await server.exec(['ip', 'route', 'add', `${validator.addresses.ipv4}/32`, 'dev', server.device, 'advmss', '256'])
    t.equal(await validate(validator, ipv4, one.identifier, one), answered, 'a hello in two segments')

    const other = tlsChallengeFor('other.example.com')
    await hook('begin', other, '--tls-port', '444')
    t.same((await lab.running()).standalone, [444], 'a port that nobody listens on is served')
    const { stderr } = await callHook(server, 'done', other, ...options)
    t.match(stderr, /no request for other\.example\.com reached port 444 of this machine/)

    const bystanders = startTlsBystanders(validator, ipv4)
    const { pid, counts, challenges } = await lab.running()
    t.match(
      counts,
      { takenOver: 8, acknowledged: 8, unknownToken: 1, faults: 0, lostByKernel: 0 },
      'and two self-checks by IPv4 and IPv6',
    )
    t.same(
      challenges.map(({ type, identifier, visits }) => [type, identifier, ...visits.map(({ state }) => state)]),
      [
        ['tls-alpn-01', one.identifier, 'acknowledged', 'acknowledged', 'acknowledged'],
        ['tls-alpn-01', address.identifier, 'acknowledged'],
      ],
    )
    process.kill(pid, 'SIGKILL')
    t.equal(await validate(validator, ipv4, one.identifier, one), before, 'nobody answers in its place')
    t.ok((await bystanders.stop()) > 0, 'and nobody else notices')
    await hook('begin')
    t.equal(await validate(validator, ipv4, one.identifier, one), answered, 'the next one answers')
    await hook('done')
    t.same(await lab.leftovers().then((left) => left.filter((line) => !line.includes('nginx'))), [])
  })

t.test('behind a DNAT, with one packet in five lost', await requiresKernel(...programs, 'openssl'), async (t) => {
  const lab = await openArmedLab(t, { container: true })
  const { server, validator } = lab
  if (!('container' in lab)) throw new Error('a lab without a container')
  const container = lab.container as typeof server
  const nginx = await startWebServer(lab, { namespace: container, port: 8443, isTls: true })
  const to = { iptables: `${container.addresses.ipv4}:8443`, ip6tables: `[${container.addresses.ipv6}]:8443` }
  for (const [program, destination] of Object.entries(to)) {
    const words = ['-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '--dport', '443', '-j', 'DNAT']
    await server.exec([program, '-w', ...words, '--to-destination', destination])
  }
  const options = ['--run-dir', join(lab.directory, 'run')]
  t.same(await callHook(server, 'begin', one, ...options), { exitCode: 0, stdout: '', stderr: '' })
  const { ipv4, ipv6 } = server.addresses
  for (const at of [ipv4, ipv6]) t.equal(await validate(validator, at, one.identifier, one), answered, at)
  for (const program of ['iptables', 'ip6tables'])
    for (const chain of ['INPUT', 'OUTPUT'])
      await validator.exec(
        [program, '-w', '-A', chain, '-p', 'tcp', '-m', 'statistic'].concat([
          '--mode',
          'random',
          '--probability',
          '0.2',
          '-j',
          'DROP',
        ]),
      )
  const addresses = [ipv4, ipv6, ipv4, ipv6, ipv4, ipv6]
  const results = await Promise.all(addresses.map((at) => validate(validator, at, one.identifier, one)))
  t.same(
    results,
    addresses.map(() => answered),
  )
  t.match(nginx.errorLog(), /while SSL handshaking/)
  t.same((await callHook(server, 'done', one, ...options)).exitCode, 0)
})
