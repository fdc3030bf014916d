/** What has to hold with every variant of iptables. A file for each variant runs this. */
import type { Test } from 'tap'
import type { FirewallChoice } from '../../src/firewall/choices.js'
import type { Namespace } from '../../src/lab/lab.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, type ArmedLab, type ArmedLabOptions } from './armed-lab.js'
import { challengeFor, replyToHead, requestFor, type Challenge } from './challenge.js'
import { accept, harden, trackedConnections, trackInvalid } from './stateful-rules.js'
import { connectTcp, exchange } from './tcp-client.js'

interface Setting extends ArmedLabOptions {
  readonly title: string
  /** IP versions in which connection tracking runs. */
  readonly tracked: readonly number[]
}

const settings: readonly Setting[] = [
  { title: 'a local server, without connection tracking', tracked: [] },
  { title: 'a local server, with connection tracking of both families', tracked: [4, 6], prepare: trackInvalid },
  {
    title: 'a local server behind a hardened filter table',
    tracked: [4, 6],
    prepare: (server) => harden(server).then(() => accept(server)),
  },
  { title: 'a port that is published by DNAT from a container', tracked: [4, 6], container: true },
]

/** Each setting in a lab of its own. */
export async function testFirewall(t: Test, firewall: FirewallChoice): Promise<void> {
  for (const { title, tracked, ...options } of settings) {
    await t.test(title, async (t) => {
      const lab = await openArmedLab(t, options)
      const challenge = challengeFor(`${firewall} ${title}`)
      await lab.arm(challenge, '--firewall', firewall)
      t.same((await lab.running()).firewall, {
        name: firewall,
        selection: 'prefilter',
        reason: 'first choice',
        tracked,
      })
      const clients = options.container ? [lab.validator] : [lab.validator, lab.server]
      for (const [client, address] of clients.flatMap((client) => addressesFor(lab, client)))
        await checkAnswers(t, lab, client, address, challenge)
      // Untracked, iptables follows an address: all of this one's packets are queued by now.
      await checkTokens(t, lab, challenge, firewall, tracked.length === 0 && firewall !== 'nft')
      if (tracked.length === 0) {
        t.equal(await trackedConnections(lab.server), 0, 'connection tracking has not been switched on')
        if (firewall !== 'nft') await checkKeptPrograms(t, lab, challenge, firewall)
      }
      t.equal((await lab.cleanup(challenge)).exitCode, 0)
      const atServer = await lab.challengesAtWebServer()
      t.same(
        atServer.filter((line) => line.includes(challenge.token)),
        [],
        'the web server never saw a whole challenge',
      )
      t.same(await lab.leftovers(), [])
      if (tracked.length === 0) t.equal(await trackedConnections(lab.server), 0)
    })
  }
}

function addressesFor(lab: ArmedLab, client: Namespace): [Namespace, string][] {
  const addresses =
    client === lab.server ? ['127.0.0.1', '::1'] : [lab.server.addresses.ipv4, lab.server.addresses.ipv6]
  return addresses.map((address) => [client, address])
}

async function checkAnswers(
  t: Test,
  lab: ArmedLab,
  client: Namespace,
  address: string,
  challenge: Challenge,
): Promise<void> {
  const { request, reply } = challenge
  t.equal(await exchange(client, { address }, request), reply, `${address}: a challenge`)
  t.equal(
    await exchange(client, { address }, requestFor('HEAD', challenge.path)),
    replyToHead(challenge),
    `${address}: HEAD`,
  )
  const ordinary = await exchange(client, { address }, requestFor('GET', '/'))
  t.ok(ordinary.endsWith(lab.webServer.body), `${address}: an ordinary request`)

  const slow = connectTcp(client, { address })
  for (const piece of ['G', request.slice(1, 40), request.slice(40, 60), request.slice(60)]) {
    slow.write(piece)
    await slow.acknowledged()
  }
  t.equal(await slow.ended, reply, `${address}: a request in four segments`)
  await slow.close()

  const reset = connectTcp(client, { address })
  reset.write(request)
  await reset.reset()
}

/** Requests for tokens that nobody has armed are the server's, and stay in the kernel but for a few a second. */
async function checkTokens(
  t: Test,
  lab: ArmedLab,
  challenge: Challenge,
  firewall: FirewallChoice,
  isFollowed: boolean,
): Promise<void> {
  const another = challengeFor(`${firewall}, another`)
  const count = 20
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
    const { packets = 0, unarmed = 0 } = (await lab.running()).counts
    const kept = connectTcp(lab.validator, { address })
    for (let request = 1; request <= count; request++) {
      kept.write(requestFor(request % 2 === 0 ? 'HEAD' : 'GET', another.path, false))
      await waitUntil(async () => kept.received().split('HTTP/1.1 ').length > request, 'the server to answer')
    }
    await kept.reset()
    // The kernel's count is read with the look at the rules.
    await waitUntil(async () => ((await lab.running()).counts.unarmed ?? 0) >= unarmed + count, 'them to be counted')
    const now = (await lab.running()).counts
    // One that the client repeats is counted twice.
    t.ok((now['unarmed'] ?? 0) - unarmed < 2 * count, `${address}: each is counted, and not each copy of one`)
    t.ok(isFollowed || (now['packets'] ?? 0) - packets < count, `${address}: not each leaves the kernel`)
    t.ok((now['unknownToken'] ?? 0) > 0, `${address}: some do, to be told of`)
  }
  await lab.arm(another)
  const address = lab.server.addresses.ipv6
  t.equal(await exchange(lab.validator, { address }, another.request), another.reply, 'armed, it is answered')
  t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, 'and so is the first')
  t.equal((await lab.cleanup(another)).exitCode, 0)
  const last = await exchange(lab.validator, { address }, another.request)
  t.ok(last.endsWith(lab.webServer.body), 'disarmed, it is not')
  t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, 'and the first still is')
}

/** The programs by which tokens are armed are kept running. Whatever becomes of them or the rules, a token is armed. */
async function checkKeptPrograms(
  t: Test,
  lab: ArmedLab,
  challenge: Challenge,
  firewall: FirewallChoice,
): Promise<void> {
  const programs = async () =>
    (await lab.server.processes()).filter(({ command }) => / --noflush --verbose /.test(command)).map(({ pid }) => pid)
  const before = await programs()
  t.equal(before.length, 2, 'one for each IP version')
  const flush = () => lab.server.exec([firewall, '-w', '-t', 'mangle', '-F', 'INPUT'])
  const kill = async () => (await programs()).forEach((pid) => process.kill(pid, 'SIGKILL'))
  for (const [what, disturb] of Object.entries({ 'a flush': flush, 'their end': kill })) {
    const another = challengeFor(`${firewall}, after ${what}`)
    await disturb()
    await lab.arm(another)
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
      for (const { request, reply } of [another, challenge])
        t.equal(await exchange(lab.validator, { address }, request), reply, `after ${what}`)
    t.equal((await lab.cleanup(another)).exitCode, 0)
  }
  const after = await programs()
  t.strictSame([after.length, after.filter((pid) => before.includes(pid))], [2, []], 'others have taken their place')
}
