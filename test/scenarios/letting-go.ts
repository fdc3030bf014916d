/**
 * What has to hold with every back end: the kernel alone handles a bystander's connection again after it was let go.
 */
import type { Test } from 'tap'
import type { FirewallChoice } from '../../src/firewall/choices.js'
import { openArmedLab, type ArmedLab, type ArmedLabOptions } from './armed-lab.js'
import { challengeFor, requestFor } from './challenge.js'
import { soon } from './soon.js'
import { connectTcp, type TcpClient } from './tcp-client.js'

const challenge = challengeFor('let go')
const unknown = challengeFor('somebody else’s')

/** Counts the packets that are queued of kept-alive connections, each in a lab of its own. */
export async function testLettingGo(t: Test, firewall: FirewallChoice, options: ArmedLabOptions): Promise<void> {
  const lab = await openArmedLab(t, options)
  await lab.arm(challenge, '--firewall', firewall)
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
    const packets = await countSince(async () => (await lab.running()).counts['packets'] ?? NaN)
    // A client whose segment waits for a slow machine sends it once more.
    const repeated = await countSince(() => repeatedSegments(lab))

    const whole = connectTcp(lab.validator, { address })
    await ask(whole, [requestFor('GET', unknown.path, false)], 1)
    t.ok(
      (await packets()) <= 1 + (await repeated()),
      `${address}: a request for an unknown token takes one packet at most`,
    )
    for (let answers = 2; answers <= 4; answers++) await ask(whole, [requestFor('GET', '/', false)], answers)
    t.equal(await packets(), 0, 'and the three requests after it none')

    const split = connectTcp(lab.validator, { address })
    const request = requestFor('GET', '/Get', false)
    await ask(split, [request.slice(0, 1), request.slice(1)], 1)
    const taken = await packets()
    t.ok(
      taken >= 2 && taken <= 2 + (await repeated()),
      `a split request that is another takes its first two segments (${taken})`,
    )
    for (let answers = 2; answers <= 4; answers++) await ask(split, [requestFor('GET', '/', false)], answers)
    t.equal(await packets(), 0)

    for (const client of [whole, split]) {
      const answered = client.received().length
      client.write(challenge.request)
      t.equal((await client.ended).slice(answered), challenge.reply, 'what has been let go is taken over all the same')
      await client.close()
    }
    await packets()
  }
  t.match((await lab.running()).counts, { faults: 0, takenOver: 4 })
  t.equal((await lab.cleanup(challenge)).exitCode, 0)
  t.same(await lab.leftovers(), [])
}

/** Sends each piece in a segment of its own, and waits for so many answers in all. */
async function ask(client: TcpClient, pieces: readonly string[], answers: number): Promise<void> {
  for (const piece of pieces) {
    client.write(piece)
    await client.acknowledged()
  }
  await soon(() => client.received().split('HTTP/1.1 ').length > answers, `answer ${answers}`)
}

/** Returns by how much a count has grown since the last call. */
async function countSince(count: () => Promise<number>): Promise<() => Promise<number>> {
  let before = await count()
  return async () => {
    const now = await count()
    const more = now - before
    before = now
    return more
  }
}

/** How many segments the validator's kernel has sent again (proc(5), /proc/net/snmp). */
async function repeatedSegments(lab: ArmedLab): Promise<number> {
  const { stdout } = await lab.validator.exec(['cat', '/proc/net/snmp'])
  const [names = [], values = []] = stdout
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('RetransSegs')])
}
