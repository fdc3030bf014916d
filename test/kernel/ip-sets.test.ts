import { closeSync } from 'node:fs'
import t from 'tap'
import { INCOMPLETE_QUEUED, SEEN_SECONDS } from '../../src/firewall/ruleset.js'
import { openLab, type Namespace } from '../../src/lab/lab.js'
import { requiresKernel } from '../requires-kernel.js'
import * as at from '../scenarios/namespace-socket.js'
import { WITH_LIBC, withBuiltModule } from './built-module.js'
import { udpPacket } from './udp-packet.js'

const SOCK_RAW = 3
const IPPROTO_RAW = 255

const { skip } = await requiresKernel('iptables', 'ip6tables')

t.test('a set is made once, used by rules of either variant, and goes once no rule names it', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  for (const variant of ['nft', 'legacy']) {
    for (const version of [4, 6] as const) {
      const iptables = `${version === 4 ? 'iptables' : 'ip6tables'}-${variant}`
      const rule = ['INPUT', '-m', 'set', '--match-set', 'certbot-nfq-test', 'src,src', '-j', 'ACCEPT']
      await sets(
        lab.server,
        `await it.ipSets.make('certbot-nfq-test', ${version}, { of: 'address and port', seconds: 2 })`,
      )
      await sets(
        lab.server,
        `await it.ipSets.make('certbot-nfq-test', ${version}, { of: 'address and port', seconds: 2 })`,
      )
      await lab.server.exec([iptables, '-A', ...rule])
      const removal = sets(lab.server, `show('begun'); await it.ipSets.remove('certbot-nfq-test'); show('removed')`)
      await lab.server.exec([iptables, '-D', ...rule])
      t.equal(await removal, '"begun"\n"removed"\n', `${iptables}: with the rule on its way out`)
      t.not((await lab.server.exec([iptables, '-A', ...rule], { reject: false })).exitCode, 0, 'there is none any more')
    }
  }
})

t.test('a set has room for all sources of half requests in a minute', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  await sets(lab.server, `await it.ipSets.make('certbot-nfq-test', 4, { of: 'address and port', seconds: 60 })`)
  const isMissing = ['-m', 'set', '!', '--match-set', 'certbot-nfq-test', 'src,src']
  await lab.server.exec(['iptables', '-A', 'INPUT', '-j', 'SET', '--add-set', 'certbot-nfq-test', 'src,src'])
  await lab.server.exec(['iptables', '-A', 'INPUT', '-p', 'udp', ...isMissing])
  await lab.server.exec(['iptables', '-A', 'INPUT', '-p', 'udp'])
  const raw = at.socketIn(lab.server, at.AF_INET, SOCK_RAW, IPPROTO_RAW)
  t.teardown(() => closeSync(raw))
  const sources = INCOMPLETE_QUEUED.inAll * SEEN_SECONDS
  for (let source = 0; source < sources; source++) {
    const address = `127.0.${1 + Math.floor(source / 200)}.${1 + (source % 200)}`
    at.sendTo(raw, udpPacket(address, '127.0.0.1', 9, 'a source'), at.internetAddress('127.0.0.1', 0))
  }
  const { stdout } = await lab.server.exec(['iptables-save', '-c', '-t', 'filter'])
  const counts = [...stdout.matchAll(/^\[(\d+):\d+\] -A INPUT -p udp/gm)].map(([, packets]) => Number(packets))
  t.same(counts, [0, sources], 'of so many sources none is missing')
})

t.test('no set to be removed is no error; no right to make one is', { skip }, async (t) => {
  const lab = await openLab()
  t.teardown(lab.close)
  t.equal(await sets(lab.server, `await it.ipSets.remove('certbot-nfq-none')`), '')
  // It becomes nobody only once it has read the repository, which may be closed to others. Its rights go with its user.
  const asNobody = `${WITH_LIBC}
    show([libc.setgroups(0, null), libc.setresgid(65534, 65534, 65534), libc.setresuid(65534, 65534, 65534)])`
  t.equal(
    await sets(
      lab.server,
      `${asNobody}
      await it.ipSets.make('x', 4, { of: 'address', seconds: 2 }).catch(({ code }) => show(code))`,
    ),
    '[0,0,0]\n"not-root"\n',
  )
})

/** Runs a body in the namespace. Returns what it showed. */
async function sets(namespace: Namespace, body: string): Promise<string> {
  return (await namespace.exec(withBuiltModule('kernel/ip-sets.js', body))).stdout
}
