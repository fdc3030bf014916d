/**
 * What programs inherit from the process that starts them. A program that hangs must not keep open what is not its own.
 */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, parentOf, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { standIns } from '../scenarios/stand-ins.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const options = await requiresKernel(...programs)
const challenge = challengeFor('descriptors')

t.test('a program that hangs does not keep the queue bound when the responder is dead', options, async (t) => {
  const stand = standIns(t, 'iptables-nft-save')
  t.teardown(() => stand.letAllGo())
  const lab = await openArmedLab(t, { path: stand.path })
  await lab.arm(challenge, '--firewall', 'iptables-nft')
  const { pid } = await lab.running()
  stand.holdAll()
  t.match(await stand.nextHeld(async () => false), /^iptables-nft-save/)
  const isChild = (other: number) => {
    try {
      return parentOf(other) === pid
    } catch {
      // It has ended since it was listed.
      return false
    }
  }
  const [held] = (await lab.server.processes()).filter((process) => isChild(process.pid))
  const descriptors = descriptorsOf(held?.pid ?? 0).filter(([, leadsTo]) => !leadsTo.endsWith('/iptables-nft-save'))
  t.strictSame(
    descriptors.map(([fd]) => fd),
    [0, 1, 2],
    JSON.stringify(descriptors),
  )

  // Nobody is left who would take the rules away.
  process.kill(parentOf(pid), 'SIGKILL')
  process.kill(pid, 'SIGKILL')
  await waitUntil(
    async () => !(await lab.server.processes()).some((process) => process.pid === pid),
    'the responder to be gone',
  )
  // Its threads end one after the other, and the last of them closes its sockets.
  await waitUntil(
    async () => (await lab.server.exec(['cat', '/proc/net/netfilter/nfnetlink_queue'])).stdout === '',
    'the queue to be unbound',
  )
  t.match(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request), /served by nginx/)
  t.ok(
    (await lab.server.processes()).some((process) => process.pid === held?.pid),
    'the program hangs still',
  )
  stand.letAllGo()
  await lab.cleanup(challenge)
  t.same(await lab.leftovers(), [])
})

t.test('keeper and responder hold none of the descriptors that a hook was given', options, async (t) => {
  const lab = await openArmedLab(t)
  const file = join(lab.directory, 'of-certbot')
  writeFileSync(file, '')
  const given = ['bash', '-c', 'exec 5<"$0" 9>>"$0" 63<"$0" 200>>"$0"; exec "$@"', file]
  const environment = {
    CERTBOT_DOMAIN: 'example.com',
    CERTBOT_TOKEN: challenge.token,
    CERTBOT_VALIDATION: challenge.keyAuthorization,
    CERTBOT_NFQ_NO_SELF_CHECK: '1',
  }
  for (const mode of ['auth', 'serve'] as const) {
    const service = lab.server.spawn(
      [...given, inRepository('hooks/certbot-nfq'), mode, '--run-dir', lab.runDirectory],
      { env: environment },
    )
    await (mode === 'auth' ? service.exited : service.waitForOutput(/ info listening in /))
    const { pid } = await lab.running()
    for (const [name, id] of [
      ['keeper', parentOf(pid)],
      ['responder', pid],
    ] as const) {
      t.strictSame(
        descriptorsOf(id).filter(([, leadsTo]) => leadsTo === file),
        [],
        `${mode}, ${name}`,
      )
    }
    await (mode === 'auth' ? lab.cleanup(challenge) : service.stop())
  }
  t.same(await lab.leftovers(), [])
})

/** Each descriptor of a process, and what it leads to. */
function descriptorsOf(pid: number): [number, string][] {
  return readdirSync(`/proc/${pid}/fd`).map((fd): [number, string] => [
    Number(fd),
    readlinkSync(`/proc/${pid}/fd/${fd}`),
  ])
}
