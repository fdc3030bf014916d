/** What has to hold with every back end: a connection that is nothing to us is the kernel's again. */
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
    const packets = await packetCounter(lab)

    const whole = connectTcp(lab.validator, { address })
    await ask(whole, [requestFor('GET', unknown.path, false)], 1)
    t.ok((await packets()) <= 1, `${address}: a request for an unknown token takes one packet at most`)
    for (let answers = 2; answers <= 4; answers++) await ask(whole, [requestFor('GET', '/', false)], answers)
    t.equal(await packets(), 0, 'and the three requests after it none')

    const split = connectTcp(lab.validator, { address })
    const request = requestFor('GET', '/Get', false)
    await ask(split, [request.slice(0, 1), request.slice(1)], 1)
    t.equal(await packets(), 2, 'a split request that is another takes its first two segments')
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

/** Gives how many packets have been queued since the last time. */
async function packetCounter(lab: ArmedLab): Promise<() => Promise<number>> {
  const count = async () => (await lab.running()).counts['packets'] ?? NaN
  let before = await count()
  return async () => {
    const now = await count()
    const more = now - before
    before = now
    return more
  }
}
