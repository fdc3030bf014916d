/** Validators of dns-01: some ask by UDP, others by TCP, well-behaved and otherwise. */
import { valuesIn } from '../challenge/dns-01/queries.js'
import type { DnsChallenge } from './challenges.js'
import { connect } from './connection.js'
import { dnsNames, firstReply, framedText, isUnknown } from './dns-bystanders.js'
import type { ValidationPlan } from './plan.js'
import { randomFrom } from './random.js'
import { isImpatient, sayAs } from './say-as.js'
import { patience, type Outcome, type Visit } from './validators.js'
import { addresses, type World } from './world.js'

/** Sends one validator for a challenge; resolves when it has its answer, or has left. */
export async function validateByDns(world: World, challenge: DnsChallenge, plan: ValidationPlan): Promise<Visit> {
  return plan.behaviour === 'normal' ? byUdp(world, challenge, plan) : byTcp(world, challenge, plan)
}

/** Asks as a resolver does, again after each five seconds. */
async function byUdp({ lab, means }: World, challenge: DnsChallenge, { family }: ValidationPlan): Promise<Visit> {
  const words = ['-b', addresses.validator[family], `@${addresses.server[family]}`, nameOf(challenge), 'TXT']
  const patiently = [`+time=${5 * means.pace}`, `+tries=${patience / 5_000}`]
  const options = { reject: false, timeout: 2 * patience * means.pace }
  const { stdout } = await lab.validator.exec(['dig', ...words, '+notcp', '+norecurse', ...patiently], options)
  const outcome: Outcome = stdout.includes(challenge.digest)
    ? 'answered'
    : /status: NXDOMAIN/.test(stdout)
      ? 'web server'
      : /connection refused/.test(stdout)
        ? 'refused'
        : /no servers could be reached/.test(stdout)
          ? 'silence'
          : 'something else'
  return { outcome, received: stdout, isKeySplit: false, leave: () => undefined }
}

async function byTcp(
  world: World,
  challenge: DnsChallenge,
  { behaviour, family, seed }: ValidationPlan,
): Promise<Visit> {
  const limit = patience * world.means.pace
  const random = randomFrom(seed)
  const from = addresses[behaviour === 'vanishes' ? 'vanishing' : 'validator'][family]
  const connection = connect(world.lab.validator, from, addresses.server[family], limit, 53)
  const saying = { world, connection, behaviour, random, from, limit, isSent: false, isSplit: false }
  let before = 0
  if (behaviour === 'asks second' && (await connection.write(framedText(dnsNames[0]))))
    before = 2 + ((await firstReply(connection, 0, limit))?.length ?? 0)
  await sayAs(saying, framedText(nameOf(challenge)))
  if (behaviour === 'half-closes') connection.halfClose()
  const reply = isImpatient(behaviour) ? undefined : await firstReply(connection, before, limit)
  const { how } = await connection.ended(0)
  const unanswered = !saying.isSent && how !== 'refused' ? 'not asked' : how
  const outcome = isImpatient(behaviour) ? 'not waited for' : reply ? outcomeOf(reply, challenge) : unanswered
  if (behaviour !== 'never closes') connection.close()
  const received = reply?.toString('hex') ?? ''
  return { outcome, received, isKeySplit: saying.isSplit, leave: () => connection.close() }
}

function outcomeOf(reply: Buffer, { digest }: DnsChallenge): Outcome {
  if (valuesIn(reply).includes(digest)) return 'answered'
  return isUnknown(reply) ? 'web server' : 'something else'
}

function nameOf({ identifier }: DnsChallenge): string {
  return `_acme-challenge.${identifier}`
}
