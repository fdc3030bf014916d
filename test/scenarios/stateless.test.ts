/** A responder that answers any token of one account: `serve --account`. */
import t, { type Test } from 'tap'
import { OTHERS_QUEUED } from '../../src/firewall/ruleset.js'
import { emitPacket } from '../../src/wire/packet.js'
import { ACK, PSH } from '../../src/wire/tcp.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor, requestFor, type Challenge } from './challenge.js'
import { parseAddress } from './namespace-socket.js'
import { hardwareAddress, openPacketSocket } from './packet-socket.js'
import { soon } from './soon.js'
import { trackInvalid } from './stateful-rules.js'
import { connectTcp, exchange } from './tcp-client.js'

/** The account of every challenge of the tests. */
const thumbprint = challengeFor('any').keyAuthorization.split('.')[1] ?? ''
const silence = { exitCode: 0, stdout: '', stderr: '' }
const isByNginx = /\r\n\r\nserved by nginx\n$/

t.test('a responder that answers any token of an account', await requiresKernel(...programs), async (t) => {
  for (const [tracking, prepare] of [
    ['on', trackInvalid],
    ['off', undefined],
  ] as const) {
    t.test(
      `is asked by both IP versions, whole and split; hooks use it too; connection tracking ${tracking}`,
      async (t) => {
        const lab = await openArmedLab(t, { ...(prepare && { prepare }) })
        const service = await serve(lab)
        const { ipv4, ipv6 } = lab.server.addresses
        const [first, second, third] = ['first', 'second', 'third'].map(challengeFor) as [
          Challenge,
          Challenge,
          Challenge,
        ]
        t.equal(await exchange(lab.validator, { address: ipv4 }, first.request), first.reply)
        t.equal(await exchange(lab.validator, { address: ipv6 }, second.request), second.reply)
        for (const at of [20, 70, 90])
          t.equal(await exchangeSplit(lab, first.request, at), first.reply, `split at ${at}`)
        t.match(await exchange(lab.validator, { address: ipv4 }, requestFor('GET', '/')), isByNginx)
        t.match(
          await exchange(lab.validator, { address: ipv4 }, first.request.replace(first.token, 'short')),
          isByNginx,
        )

        // The token of a hook is answered with what the hook has said, and the rules stay when it goes.
        const own = { ...third, keyAuthorization: `${third.token}.another` }
        await lab.arm(own)
        t.ok((await exchange(lab.validator, { address: ipv4 }, third.request)).endsWith(own.keyAuthorization))
        t.same(await lab.cleanupWithDiagnosis(own), silence)
        t.equal(await exchange(lab.validator, { address: ipv4 }, third.request), third.reply)
        await lab.arm(third)
        t.same(
          await lab.cleanupWithDiagnosis(third),
          silence,
          'nobody asked here, but another machine may have answered',
        )

        const { stateless, challenges, counts } = await lab.running()
        t.match(stateless, { thumbprint, names: [], port: 80, answered: 6, abandoned: 0 })
        t.same([stateless?.visits.length, challenges, counts['faults']], [6, [], 0])
        t.equal((await lab.challengesAtWebServer()).length, 1, 'what is no token')
        await service.stop('SIGTERM')
        t.match(await exchange(lab.validator, { address: ipv4 }, first.request), isByNginx)
        t.same(await lab.leftovers(), [])
      },
    )
  }

  t.test('limited to a name, all others’ requests reach the server whole', async (t) => {
    const lab = await openArmedLab(t, { prepare: trackInvalid })
    const service = await serve(lab, '--name', 'example.com', '--name', '*.example.net')
    const challenge = challengeFor('named')
    const address = lab.server.addresses.ipv4
    const withHost = (host: string) => challenge.request.replace('Host: example.com', host)
    for (const host of ['Host: example.com', 'host: EXAMPLE.com.:80', 'Host: a.example.net'])
      t.equal(await exchange(lab.validator, { address }, withHost(host)), challenge.reply, host)
    for (const at of [20, 90, 110, challenge.request.length - 1])
      t.equal(await exchangeSplit(lab, challenge.request, at), challenge.reply, `split at ${at}`)
    // nginx notes a request when it is done with it, which may be after its answer has come.
    const noted = async (count: number) => {
      const isNoted = async () => (await lab.challengesAtWebServer()).length >= count
      await waitUntil(isNoted, `${count} requests in the log of nginx`)
      t.equal((await lab.challengesAtWebServer()).length, count)
    }
    // It notes the request line of those that it had more of, and that were reset before their head was whole.
    await noted(3)
    const others = ['Host: example.org', 'Host: a.b.example.net', 'Host: example.com\r\nX-Long: ' + 'x'.repeat(2_000)]
    for (const host of others)
      t.match(await exchange(lab.validator, { address }, withHost(host)), isByNginx, host.slice(0, 40))
    for (const at of [20, 90, 110])
      t.match(await exchangeSplit(lab, withHost('Host: example.org'), at), isByNginx, `split at ${at}`)
    // nginx refuses these two, and it is nginx that does.
    for (const host of ['X: y', 'Host: example.com\r\nHost: example.com'])
      t.match(await exchange(lab.validator, { address }, withHost(host)), /^HTTP\/1\.1 400 /, JSON.stringify(host))
    await noted(3 + others.length + 3 + 2)
    // Any further request on such a connection is the server's too.
    const client = connectTcp(lab.validator, { address })
    client.write(withHost('Host: example.org').replace('Connection: close\r\n', ''))
    await soon(() => isByNginx.test(client.received()), 'the first answer')
    client.write(requestFor('GET', '/'))
    t.match(await client.ended, /served by nginx\n.*served by nginx\n$/s)
    await client.close()
    t.match((await lab.running()).counts, { takenOver: 7, faults: 0 })
    await service.stop('SIGTERM')
    t.same(await lab.leftovers(), [])
  })

  t.test('a flood from one source costs no other source its answer', async (t) => {
    const lab = await openArmedLab(t, { prepare: trackInvalid })
    const service = await serve(lab)
    const challenge = challengeFor('flooded')
    const { ipv4, ipv6 } = lab.server.addresses
    const armed = challengeFor('armed')
    await lab.arm(armed)
    const floods = await openFloods(t, lab)
    for (const [address, same, other] of [
      [ipv4, lab.validator.addresses.ipv4, '192.0.2.77'],
      [ipv6, '2001:db8::77', '2001:db8:7::7'],
    ] as const) {
      for (const each of [same, other].filter((each) => each !== lab.validator.addresses.ipv4))
        await lab.validator.addAddress(each)
      if (address === ipv6)
        await lab.server.exec(['ip', '-6', 'route', 'add', '2001:db8:7::/64', 'dev', lab.server.device])
      const flood = floods[address === ipv4 ? 4 : 6]
      // A slow machine may not send as fast as the limit grows.
      await waitUntil(
        async () => isByNginx.test(await ask(lab, address, same, challenge.request, flood)),
        `${same} to be turned away`,
      )
      t.equal(await ask(lab, address, other, challenge.request), challenge.reply, `${other} is answered`)
      t.equal(
        await ask(lab, address, same, armed.request, flood),
        armed.reply,
        'and so is an armed token from anywhere',
      )
    }
    const { counts, limits = {} } = await lab.running()
    t.equal(counts['faults'], 0)
    for (const name of ['flows', 'bytesHeld']) t.ok((counts[name] ?? NaN) <= (limits[name] ?? NaN), name)
    await service.stop('SIGTERM')
    t.same(await lab.leftovers(), [])
  })

  t.test('a port that nobody listens on stays free, unless --listen is given', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    const address = lab.server.addresses.ipv4
    const challenge = challengeFor('nobody')
    const alone = await lab.serve('--account', thumbprint)
    t.throws(() => connectTcp(lab.validator, { address }), 'nobody listens')
    await alone.waitForOutput(/self-check: nobody accepts connections to port 80 .*\n.*\[self-check, /)
    await alone.stop('SIGTERM')
    const listening = await lab.serve(
      '--account',
      thumbprint,
      '--listen',
      '--name',
      '*.example.net',
      '--name',
      'example.com',
    )
    const isSeen = async () => (await lab.running()).stateless?.answered === 2
    await waitUntil(isSeen, 'the self-check, by IPv4 and IPv6')
    t.notMatch(listening.output(), /self-check:/)
    t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply)
    const other = challenge.request.replace('Host: example.com', 'Host: example.org')
    t.match(await exchange(lab.validator, { address }, other), /^HTTP\/1\.1 404 /)
    t.match(await lab.running(), {
      standalone: [80],
      stateless: { names: ['*.example.net', 'example.com'], answered: 3 },
    })
    await listening.stop('SIGTERM')
    t.same(await lab.leftovers(), [])
    const webServer = await startWebServer(lab)
    t.match(await exchange(lab.validator, { address }, challenge.request), webServer.body)
  })
})

async function serve(lab: ArmedLab, ...options: string[]) {
  const service = await lab.serve('--account', thumbprint, '--no-self-check', ...options)
  await service.waitForOutput(/any token is answered/)
  return service
}

async function exchangeSplit(lab: ArmedLab, request: string, at: number): Promise<string> {
  const client = connectTcp(lab.validator, { address: lab.server.addresses.ipv4 })
  try {
    client.write(request.slice(0, at))
    await client.acknowledged()
    client.write(request.slice(at))
    return await client.ended
  } finally {
    await client.close()
  }
}

let lastPort = 20_000

/** Asks from an address of the validator's. `before` is called right before the request, on an open connection. */
async function ask(
  lab: ArmedLab,
  address: string,
  from: string,
  request: string,
  before: () => void = () => undefined,
): Promise<string> {
  const client = connectTcp(lab.validator, { address, from: { address: from, port: ++lastPort } })
  try {
    before()
    client.write(request)
    return await client.ended
  } finally {
    await client.close()
  }
}

/**
 * Returns what sends more requests for made-up tokens than one source may, in the validator's name by each IP version.
 * Each is the middle of a connection that nobody has opened.
 */
async function openFloods(t: Test, lab: ArmedLab): Promise<Readonly<Record<4 | 6, () => void>>> {
  const { server, validator } = lab
  const cable = await openPacketSocket(t, validator, validator.device, await hardwareAddress(server, server.device))
  const floodBy = (version: 4 | 6) => {
    const [source, destination] = [validator, server].map(({ addresses }) => parseAddress(addresses[`ipv${version}`]))
    const envelope = { version, source: source ?? new Uint8Array(), destination: destination ?? new Uint8Array() }
    const packets = Array.from({ length: 2 * OTHERS_QUEUED.perSource.atOnce }, (_, number) => {
      const payload = Uint8Array.from(Buffer.from(challengeFor(`flood ${number}`).request))
      const segment = { sourcePort: 1_024 + number, destinationPort: 80, sequence: number, acknowledgment: 1 }
      return emitPacket(envelope, { ...segment, flags: PSH | ACK, window: 500, payload })
    })
    return () => {
      for (const packet of packets) cable.send(packet)
    }
  }
  return { 4: floodBy(4), 6: floodBy(6) }
}
