/**
 * Without connection tracking the kernel remembers where half a request came from. No other user may read that, and it
 * affects that one connection only, for two seconds.
 */
import t from 'tap'
import { waitUntil } from '../../src/lab/wait-until.js'
import type { Namespace } from '../../src/lab/lab.js'
import { runDirectory as runDirectoryOf } from '../../src/responder/run-directory.js'
import { WITH_LIBC, withBuiltModule } from '../kernel/built-module.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { openRawHost, type RawClient } from '../scenarios/raw-client.js'

const challenge = challengeFor('followed sources')
const half = challenge.request.slice(0, 20)
const asUser = (uid: number) => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--']
const strangers = { 'www-data': 33, 'nobody': 65534 }

for (const firewall of ['iptables-nft', 'iptables-legacy']) {
  t.test(`sources that are followed, by ${firewall}`, await requiresKernel(...programs), async (t) => {
    const lab = await openArmedLab(t)
    const host = await openRawHost(t, lab)
    await lab.arm(challenge, '--firewall', firewall)
    t.strictSame((await lab.running()).firewall?.tracked, [])

    for (const version of [4, 6] as const) {
      const isListed = async ({ port }: RawClient) =>
        (await listSet(lab.server, 0, lab.runDirectory, version)).split(',').includes(String(port))
      const other = await host.connect(version, { timestamps: true })
      const readable = await filesWithSources(lab.server, strangers['www-data'])
      // Two seconds are soon over on a slow machine: then once more, with another client.
      let client: RawClient | undefined
      await waitUntil(async () => {
        client = await host.connect(version, { timestamps: true })
        await client.deliver(half)
        const isFollowed = await isQueued(lab.server, client, challenge.request.slice(20, 21))
        return isFollowed && (await isListed(client))
      }, 'a source to be followed, and root to see it')
      for (const [name, uid] of Object.entries(strangers)) {
        t.equal(await listSet(lab.server, uid, lab.runDirectory, version), 'EPERM', `IPv${version}: ${name} does not`)
        await (await host.connect(version, { timestamps: true })).deliver(half)
        t.strictSame(await filesWithSources(lab.server, uid), readable, `IPv${version}: nor reads it anywhere`)
      }
      t.notOk(await isQueued(lab.server, other, 'POST / HTTP/1.1\r\n'), 'its address is left alone otherwise')
      await waitUntil(async () => client !== undefined && !(await isListed(client)), 'the source to be forgotten')
      if (client) t.notOk(await isQueued(lab.server, client, challenge.request.slice(21, 22)), 'for good')
    }
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    for (const version of [4, 6] as const)
      t.match(await listSet(lab.server, 0, lab.runDirectory, version), 'ENOENT', 'the set goes with the rules')
    t.strictSame(await lab.leftovers(), [])
  })
}

/** Whether the client's next segment goes through the queue; it reaches the server in any case. */
async function isQueued(server: Namespace, client: RawClient, payload: string): Promise<boolean> {
  const before = await queued(server)
  await client.deliver(payload)
  return (await queued(server)) !== before
}

/** How many packets have been in the queue. */
async function queued(server: Namespace): Promise<number> {
  const { stdout } = await server.exec(['cat', '/proc/net/netfilter/nfnetlink_queue'])
  return Number(stdout.trim().split(/\s+/)[7])
}

/** Files of the kernel that this user may read, and that name an address of the test's host. */
async function filesWithSources(server: Namespace, uid: number): Promise<string[]> {
  const address = '192\\.0\\.2\\.66|2001:0?db8:(0*:)+0*66'
  const words = ['sh', '-c', 'grep -rlsE "$0" /proc/self/net/ || true', address]
  return (await server.exec([...asUser(uid), ...words])).stdout.split('\n').filter(Boolean).sort()
}

/** The ports in a set of the responder's (IPSET_CMD_LIST), as this user is told them, or the error's name. */
async function listSet(server: Namespace, uid: number, runDirectory: string, version: 4 | 6): Promise<string> {
  const name = `certbot-nfq-${runDirectoryOf(runDirectory).tag}-${version}`
  const body = `
    import { getSystemErrorName } from 'node:util'
    ${WITH_LIBC}
    if (${uid} !== 0 && (libc.setgroups(0, null), libc.setresgid(${uid}, ${uid}, ${uid}), libc.setresuid(${uid}, ${uid}, ${uid})) !== 0)
      throw new Error('still root')
    const attribute = (type, value) =>
      Buffer.concat([Buffer.from(Uint16Array.of(4 + value.length, type).buffer), value, Buffer.alloc(-value.length & 3)])
    const body = Buffer.concat([Buffer.from([2, 0, 0, 0]), attribute(1, Buffer.from([6])), attribute(2, Buffer.from('${name}\\0'))])
    const head = Buffer.concat([Buffer.from(Uint32Array.of(16 + body.length).buffer), Buffer.from(Uint16Array.of(0x607, 0x301).buffer)])
    const message = Buffer.concat([head, Buffer.alloc(8), body])
    const fd = libc.socket(16, 3, 12)
    libc.send(fd, message, message.length, 0)
    const answer = Buffer.alloc(65536)
    const length = libc.recv(fd, answer, answer.length, 0)
    const ports = []
    // IPSET_ATTR_PORT, in network byte order.
    for (let at = 0; (at = answer.indexOf(Buffer.from([6, 0, 4, 0x40]), at)) >= 0; at += 8) ports.push(answer.readUInt16BE(at + 4))
    show(new Uint16Array(answer.buffer, answer.byteOffset + 4, 1)[0] === 2 ? getSystemErrorName(new Int32Array(answer.buffer.slice(answer.byteOffset + 16, answer.byteOffset + 20))[0]) : ports.join())`
  return JSON.parse((await server.exec(withBuiltModule('kernel/libc.js', body))).stdout) as string
}
