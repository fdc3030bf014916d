/**
 * While a client of the self-check asks from outside, a cable joins its namespace to the machine. Who can use it, and
 * for what?
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Namespace, Service } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { run } from '../../src/lab/run.js'
import { startService } from '../../src/lab/service.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('the self-check’s cable')

/** Answers each datagram; says where that fails. */
const echo = `
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7))
print('ready', flush=True)
while True:
    data, source = s.recvfrom(100)
    try:
        s.sendto(data, source)
        print('answered', flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
`

t.test(
  'on a machine that forwards, the client of a self-check reaches the addresses it asks and nobody else; nobody else reaches it',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t, { selfCheck: true, prepare: shutAndForward })
    const { server, validator } = lab
    const env = {
      CERTBOT_DOMAIN: 'example.com',
      CERTBOT_TOKEN: challenge.token,
      CERTBOT_VALIDATION: challenge.keyAuthorization,
    }
    const hook = server.spawn([inRepository('hooks/auth'), '--run-dir', lab.runDirectory], { env })
    await waitUntil(async () => (await cableAddresses(server)).length === 2, 'the cable')
    const pid = await waitForClient(hook)
    // As long as this takes.
    for (const each of [pid, hook.pid]) process.kill(each, 'SIGSTOP')
    t.teardown(() => hook.stop('SIGKILL'))
    const client = (argv: readonly string[]) => ['nsenter', `--net=/proc/${pid}/ns/net`, ...argv]
    await waitUntil(
      async () => (await addressesIn(client(['ip', '-json', 'address', 'show', 'dev', 'check0']))).length === 2,
      'its other end',
    )

    for (const [version, ours, theirs, second] of [
      ['-4', server.addresses.ipv4, validator.addresses.ipv4, '192.0.2.9'],
      ['-6', server.addresses.ipv6, validator.addresses.ipv6, '2001:db8::9'],
    ] as const) {
      const ways = await Promise.all(
        [ours, second, theirs].map((to) => run(client(['ip', version, 'route', 'get', to]), { reject: false })),
      )
      const [asked, ...others] = ways.sort((one, other) => Number(one.exitCode) - Number(other.exitCode))
      t.match(
        asked,
        { exitCode: 0, stdout: new RegExp(`^(${ours}|${second}) `) },
        'it has a way to the address of the machine that it asks',
      )
      for (const other of others)
        t.match(other, { exitCode: 2, stderr: /Network is unreachable/ }, 'and to no other, of the machine or beyond')

      const [address = ''] = (await addressesIn(client(['ip', '-json', 'address', 'show', 'dev', 'check0']))).filter(
        (one) => one.includes(':') === (version === '-6'),
      )
      await validator.exec(['ip', version, 'route', 'add', address, 'via', ours])
      const server7 = startService(client(['python3', '-c', echo, address]))
      t.teardown(() => server7.stop('SIGKILL'))
      await server7.waitForOutput(/ready/)
      const before = await refused(client)
      await validator.exec([
        'python3',
        '-c',
        'import socket, sys; socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], 7))',
        address,
      ])
      await waitUntil(
        async () => /unreachable|answered/.test(server7.output()) || (await refused(client)) > before,
        'the datagram to arrive',
      )
      t.notMatch(server7.output(), /answered/, `${theirs} gets no answer from ${address}`)
    }
    for (const each of [pid, hook.pid]) process.kill(each, 'SIGCONT')
    await hook.exited
    await waitUntil(async () => (await cableAddresses(server)).length === 0, 'the cable to be gone')
    t.match(await lab.cleanup(challenge), { exitCode: 0, stderr: '' })
    t.same(await lab.leftovers(), [])
  },
)

/** So that a client from outside asks, and waits: its answer is dropped. */
async function shutAndForward(server: Namespace): Promise<void> {
  await server.addAddress('192.0.2.9')
  await server.addAddress('2001:db8::9')
  await server.exec([
    'sh',
    '-c',
    'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  ])
  for (const iptables of ['iptables', 'ip6tables'])
    await server.exec([iptables, '-A', 'INPUT', '-p', 'tcp', '--dport', '80', '!', '-i', server.device, '-j', 'DROP'])
}

/** Global addresses of the cable's end on the machine. */
async function cableAddresses(server: Namespace): Promise<string[]> {
  const { stdout } = await server.exec(['ip', '-json', 'address'])
  return addressesOf(stdout, (name) => name.startsWith('cnfq'))
}

async function addressesIn(argv: readonly string[]): Promise<string[]> {
  return addressesOf((await run(argv, { reject: false })).stdout, () => true)
}

function addressesOf(json: string, isWanted: (name: string) => boolean): string[] {
  const links = JSON.parse(json || '[]') as { ifname: string; addr_info: { local: string; scope: string }[] }[]
  return links
    .filter(({ ifname }) => isWanted(ifname))
    .flatMap(({ addr_info }) => addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local))
}

/** Of the hook’s children the one in a namespace of its own. */
async function waitForClient(hook: Service): Promise<number> {
  let found: number | undefined
  const isClient = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('outside-client')
  await waitUntil(() => {
    found = readFileSync(`/proc/${hook.pid}/task/${hook.pid}/children`, 'latin1')
      .trim()
      .split(' ')
      .map(Number)
      .find(isClient)
    return found !== undefined
  }, 'the client')
  return found ?? 0
}

/** Packets that the client’s namespace has refused for their source. */
async function refused(client: (argv: readonly string[]) => string[]): Promise<number> {
  const { stdout } = await run(client(['cat', '/proc/net/netstat']))
  const [names = [], values = []] = stdout
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('IPReversePathFilter')])
}
