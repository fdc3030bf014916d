import t from 'tap'
import { request } from '../../src/lab/http.js'
import { startWebServer } from '../../src/lab/web-server.js'
import type { Namespace } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { connectTcp, exchange } from './tcp-client.js'

const challenge = challengeFor('nobody listens')
const other = challengeFor('nobody listens there either')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const byIpv4And6 = (port: number) => [`0.0.0.0:${port}`, `[::]:${port}`]

t.test('a port that nobody listens on', await requiresKernel(...programs), async (t) => {
  t.test('is served as long as a challenge on it is armed, and no longer', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    const both = [lab.server.addresses.ipv4, lab.server.addresses.ipv6]
    const before = await listeners(lab.server)
    t.same(await lab.auth(challenge), silence)
    t.same(await listeners(lab.server), byIpv4And6(80))
    const status = await lab.running()
    t.same(status.standalone, [80])
    t.match(status.log.join('\n'), /nobody listens on port 80 \(IPv4, IPv6\): serving it ourselves/)
    for (const address of both) {
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
      t.match(await request(lab.validator, { address }), { status: 404, body: 'Not Found\n' }, 'not ours')
      t.match(await request(lab.validator, { address, path: other.path }), { status: 404 }, 'a token that is not armed')
    }
    const { counts, challenges } = await lab.running()
    t.equal(counts.takenOver, 2, 'by the rules, as anywhere')
    t.equal(counts.servedOurselves, 0)
    t.same(
      challenges[0]?.visits.map(({ state }) => state),
      ['acknowledged', 'acknowledged'],
    )

    t.same(await lab.cleanup(challenge), silence)
    t.same(await listeners(lab.server), before)
    const { body } = await startWebServer(lab)
    for (const address of both)
      t.equal((await request(lab.validator, { address })).body, body, 'a web server can start at once')
  })

  t.test('is served also where the rules are missing, and status tells of the visit', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    await lab.arm(challenge, '--firewall', 'iptables')
    for (const program of ['iptables', 'ip6tables']) await lab.server.exec([program, '-t', 'mangle', '-F'])
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      const { status, body } = await request(lab.validator, { address, path: challenge.path })
      t.same({ status, body }, { status: 200, body: challenge.keyAuthorization })
    }
    await waitUntil(
      async () => (await lab.running()).challenges[0]?.visits.every(({ state }) => state === 'acknowledged') === true,
      'two visits to end',
    )
    const { challenges, counts } = await lab.running()
    t.match(challenges[0]?.visits, [{ client: /^192\.0\.2\.2:\d+$/ }, { client: /^\[2001:db8::2\]:\d+$/ }])
    t.equal(counts.servedOurselves, 2)
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('of several ports each is free again with its last challenge', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    const third = challengeFor('the second on port 80')
    const { service } = await startWebServer(lab, { port: 8080 })
    const web = await listeners(lab.server)
    await lab.arm(challenge)
    await lab.arm(third)
    await lab.arm(other, '--port', '8080')
    await lab.arm(challengeFor('port 81'), '--port', '81')
    t.same((await lab.running()).standalone, [80, 81], 'not the one that nginx has')
    t.same(await listeners(lab.server), [...byIpv4And6(80), ...byIpv4And6(81), ...web].sort())
    t.equal(
      await exchange(lab.validator, { address: lab.server.addresses.ipv4, port: 81 }, challenge.request),
      challenge.reply,
    )
    t.same(await lab.cleanup(challengeFor('port 81')), silence)
    t.same(await lab.cleanup(challenge), silence)
    t.same(
      await listeners(lab.server),
      [...byIpv4And6(80), ...web].sort(),
      'the other challenge on port 80 still wants it',
    )
    t.same(await lab.cleanup(third), silence)
    t.same(await listeners(lab.server), web)
    t.same(await lab.cleanup(other), silence)
    await service.stop()
    t.same(await lab.leftovers(), [])
  })

  t.test('is left alone with --no-standalone', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    await lab.arm(challenge, '--no-standalone')
    t.same(await listeners(lab.server), [])
    t.equal((await lab.running()).standalone, undefined)
    t.throws(
      () => connectTcp(lab.validator, { address: lab.server.addresses.ipv4 }),
      { message: /errno 111$/ },
      'refused',
    )
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('is freed by the kernel when the responder is killed', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    await lab.arm(challenge)
    const idle = connectTcp(lab.validator, { address: lab.server.addresses.ipv6 })
    process.kill((await lab.running()).pid, 'SIGKILL')
    t.same(await lab.leftovers(), [])
    t.same(await listeners(lab.server), [])
    await idle.close()
    t.same(await lab.cleanup(challenge), silence)
  })

  t.test('is free while a foreground responder has nothing to do', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    const responder = await lab.serve()
    for (let round = 0; round < 2; round++) {
      await lab.arm(challenge)
      t.same(await listeners(lab.server), byIpv4And6(80))
      t.same(await lab.cleanup(challenge), silence)
      t.same(await listeners(lab.server), [])
    }
    await responder.stop()
    t.same(await lab.leftovers(), [])
  })

  t.test('is served by a user without rights of its own', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    await lab.arm(challenge, '--user', 'daemon')
    t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv6 }, challenge.request), challenge.reply)
    t.same(await lab.cleanup(challenge), silence)
  })
})

t.test('a port that somebody has', await requiresKernel(...programs), async (t) => {
  t.test('is left to a web server', async (t) => {
    const lab = await openArmedLab(t)
    const before = await listeners(lab.server)
    await lab.arm(challenge)
    t.same(await listeners(lab.server), before)
    t.equal((await lab.running()).standalone, undefined)
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })

  t.test('is left to one that has a single address; the other family is served', async (t) => {
    const lab = await openArmedLab(t, { noWebServer: true })
    const web = lab.server.spawn([
      process.execPath,
      '-e',
      'require("net").createServer((s) => s.on("error", () => {})).listen(80, process.argv[1], () => console.log("up"))',
      lab.server.addresses.ipv4,
    ])
    await web.waitForOutput(/up/)
    await lab.arm(challenge)
    t.same(await listeners(lab.server), [`${lab.server.addresses.ipv4}:80`, '[::]:80'])
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
    }
    t.same(await lab.cleanup(challenge), silence)
    t.same(await listeners(lab.server), [`${lab.server.addresses.ipv4}:80`])
    await web.stop()
  })

  t.test('is left to a container that it is published for', async (t) => {
    const lab = await openArmedLab(t, { container: true })
    await lab.arm(challenge)
    t.same(await listeners(lab.server), [])
    t.equal((await lab.running()).standalone, undefined)
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
      t.ok((await exchange(lab.validator, { address }, requestFor('GET', '/'))).endsWith(lab.webServer.body))
    }
    t.same(await lab.cleanup(challenge), silence)
    t.same(await lab.leftovers(), [])
  })
})

/** The local addresses of all that listens by TCP in a namespace, as ss(8) writes them. */
async function listeners(server: Namespace): Promise<string[]> {
  const { stdout } = await server.exec(['ss', '-Hltn'])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.trim().split(/\s+/)[3] ?? '')
    .sort()
}
