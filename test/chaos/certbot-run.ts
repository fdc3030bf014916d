/**
 * One run of an ACME client: every auth hook, then all validations, then every cleanup hook, whatever the exit status.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { FOLLOWED_SECONDS } from '../../src/firewall/ruleset.js'
import { challengeOf, type Challenge } from './challenges.js'
import { runHook, type HookResult } from './hooks.js'
import type { HookFault, RunPlan, ValidationPlan } from './plan.js'
import { validateByDns } from './dns-validators.js'
import { validateByTls } from './tls-validators.js'
import { patience, validate, type Outcome, type Visit } from './validators.js'
import { touches, type World } from './world.js'

/** What came of a run. */
export interface RunRecord {
  /** Those whose cleanup hook did not come to its end. */
  readonly leftArmed: readonly Challenge[]
  readonly outcomes: readonly {
    readonly type: Challenge['type']
    readonly outcome: Outcome
    readonly isOwed: boolean
  }[]
  readonly visits: readonly Visit[]
}

/** Those that did not come to an answer by no fault of ours. */
const absent: readonly Outcome[] = ['not asked', 'not waited for', 'lost to the cable', 'too slow']

/** What a validation may come to when its responder died meanwhile, or the web server: anything but to wait in vain. */
const bearable: readonly Outcome[] = ['answered', 'web server', 'reset', 'refused', 'closed', ...absent]

/** Runs it to its end. `number` tells apart the tokens of the cycle's runs. */
export async function runCertbot(world: World, plan: RunPlan, number: number): Promise<RunRecord> {
  await delay(plan.startsAt * world.means.pace)
  const challenges = plan.challenges.map((_, at) =>
    challengeOf(plan.type, `${world.plan.seed} ${world.plan.cycle} ${number} ${at}`),
  )
  const faultOf = (hook: HookFault['hook'], at: number) =>
    plan.hookFaults.find((fault) => fault.hook === hook && fault.challenge === at)

  const armed: HookResult[] = []
  for (const [at, challenge] of challenges.entries())
    armed.push(await runHook(world, 'auth', challenge, faultOf('auth', at)))

  const done = await Promise.all(
    challenges.flatMap((challenge, at) =>
      (plan.challenges[at] ?? []).map(async (validation) =>
        visitOnce(world, challenge, validation, armed[at] as HookResult),
      ),
    ),
  )

  const leftArmed: Challenge[] = []
  for (const [at, challenge] of challenges.entries()) {
    const { isDone } = await runHook(world, 'cleanup', challenge, faultOf('cleanup', at))
    if (!isDone) leftArmed.push(challenge)
  }
  return { leftArmed, outcomes: done, visits: done.map(({ visit }) => visit) }
}

function send(world: World, challenge: Challenge, plan: ValidationPlan): Promise<Visit> {
  if (challenge.type === 'http-01') return validate(world, challenge, plan)
  return challenge.type === 'dns-01' ? validateByDns(world, challenge, plan) : validateByTls(world, challenge, plan)
}

async function visitOnce(world: World, challenge: Challenge, plan: ValidationPlan, armed: HookResult) {
  const start = performance.now()
  const visit = await send(world, challenge, plan)
  const end = performance.now()
  const isLate = end - start >= patience * world.means.pace
  const isLost =
    world.plan.impairment === 'loss' && isLate && (visit.outcome === 'silence' || visit.outcome === 'reset')
  const isTooSlow =
    !world.plan.isTracked &&
    visit.outcome !== 'answered' &&
    visit.isKeySplit &&
    end - start > FOLLOWED_SECONDS.incomplete * 1_000
  const outcome = isLost ? 'lost to the cable' : isTooSlow ? 'too slow' : visit.outcome
  const title = `${plan.behaviour} validation by ${challenge.type} of ${challenge.token.slice(0, 6)} on IPv${plan.family}`
  world.note(`${title}: ${outcome} after ${(end - start).toFixed(0)} ms`)
  // Armed, and the responder lived on until the answer.
  const isArmed = armed.isDone && !touches(world.deaths, armed.from, end)
  const isRestarting = touches(world.restarts, start, end)
  const isOwed = isArmed && !isRestarting && !absent.includes(outcome)
  // While the web server is away, the responder may stand in for it, and answers what is not armed.
  const isBearable = bearable.includes(outcome) || (outcome === 'something else' && isRestarting)
  if (isOwed ? outcome !== 'answered' : !isBearable) {
    world.violate(
      `${title} (${isOwed ? 'armed' : 'its responder died, or never was'}): ${outcome} after ${(end - start).toFixed(0)} ms ${JSON.stringify(visit.received)}`,
    )
  }
  if (isArmed && outcome === 'not asked' && world.plan.impairment !== 'loss') world.violate(`${title}: could not ask`)
  return { type: challenge.type, outcome, isOwed, visit }
}
