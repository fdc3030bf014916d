/** Decides beforehand what happens in a cycle, from the seed and the number of the cycle alone. */
import type { FirewallChoice } from '../../src/firewall/choices.js'
import type { Means } from './means.js'
import { randomFrom, type Random } from './random.js'

/** What a validator does besides asking. */
export const behaviours = [
  'normal',
  'split',
  'vanishes',
  'resets',
  'half-closes',
  'never closes',
  'closes first',
  'slow',
  'asks second',
] as const
export type Behaviour = (typeof behaviours)[number]

/** A connection has one handshake. */
const tlsBehaviours = behaviours.filter((behaviour) => behaviour !== 'asks second')

/** What the cable does, in both directions. */
export type Impairment = 'none' | 'loss' | 'small MTU' | 'duplication' | 'reordering' | 'delay'

/** A fault of the responder, or of the machine. */
export type FaultKind =
  | 'kill responder'
  | 'kill responder and keeper'
  | 'kill keeper'
  | 'terminate responder'
  | 'stop responder'
  | 'restart web server'
  | 'step clock'

/** Times are in milliseconds, before they are multiplied by the pace. */
export interface Fault {
  readonly kind: FaultKind
  /** After the start of the runs. */
  readonly at: number
  /** How long it is stopped; by how many seconds the clock is moved. */
  readonly amount: number
}

/** A fault of one hook of a run: a signal some time after its start. A stopped hook is continued after `amount`. */
export interface HookFault {
  readonly hook: 'auth' | 'cleanup'
  /** Which challenge's. */
  readonly challenge: number
  readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP'
  readonly after: number
  readonly amount: number
}

export interface ValidationPlan {
  readonly behaviour: Behaviour
  readonly family: 4 | 6
  /** For its pauses and the places at which it cuts. */
  readonly seed: number
}

/** One run of an ACME client: its hooks one after another, all validations of all challenges at once in between. */
export interface RunPlan {
  readonly startsAt: number
  /** Certbot's hooks do http-01 and dns-01, uacme's tls-alpn-01. */
  readonly type: 'http-01' | 'tls-alpn-01' | 'dns-01'
  readonly challenges: readonly (readonly ValidationPlan[])[]
  readonly hookFaults: readonly HookFault[]
}

export interface CyclePlan {
  readonly seed: number
  readonly cycle: number
  readonly firewall: FirewallChoice
  readonly isTracked: boolean
  readonly families: readonly (4 | 6)[]
  readonly impairment: Impairment
  readonly runs: readonly RunPlan[]
  readonly faults: readonly Fault[]
  /** How the last of it is taken away. */
  readonly ending: 'cleanup' | 'stop'
}

/** How many of the runs are by another type than http-01. The sum is 1 at most. */
export interface Shares {
  readonly tls: number
  readonly dns: number
}

/**
 * Returns the plan of a cycle. It is the same for the same seed, cycle, means and shares, whatever other cycles there
 * are.
 */
export function planCycle(seed: number, cycle: number, means: Means, shares: Shares): CyclePlan {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(cycle + 1, 0x85ebca6b))
  const impairment = random.chance(0.65)
    ? 'none'
    : random.pick<Impairment>([
        'loss',
        'small MTU',
        ...(means.hasNetem ? (['duplication', 'reordering', 'delay'] as const) : []),
      ])
  const families = random.pick<readonly (4 | 6)[]>([[4], [6], [4, 6]])
  const faults = Array.from({ length: random.pick([0, 0, 1, 1, 1, 2, 3]) }, () => planFault(random, means))
  return {
    seed,
    cycle,
    firewall: random.pick<FirewallChoice>([...means.firewalls, ...means.firewalls, 'auto']),
    isTracked: random.chance(0.5),
    families,
    impairment,
    runs: Array.from({ length: random.pick([1, 1, 2, 2, 3, 4]) }, () => planRun(random, families, shares)),
    faults: faults.sort((one, other) => one.at - other.at),
    ending: random.pick(['cleanup', 'stop']),
  }
}

function planFault(random: Random, { mayStepClock }: Means): Fault {
  const kinds = [
    ...([
      'kill responder',
      'kill responder',
      'kill responder and keeper',
      'kill keeper',
      'terminate responder',
      'terminate responder',
    ] as const),
    ...(['stop responder', 'stop responder', 'restart web server'] as const),
    ...(mayStepClock ? (['step clock'] as const) : []),
  ]
  const kind = random.pick<FaultKind>(kinds)
  return {
    kind,
    at: random.between(50, 1_500),
    amount: kind === 'step clock' ? random.pick([-7_200, -40, 40, 7_200]) : random.between(20, 800),
  }
}

function planRun(random: Random, families: readonly (4 | 6)[], shares: Shares): RunPlan {
  const type = pickType(random, shares)
  const challenges = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () =>
    Array.from({ length: random.between(1, 4) }, () => ({
      behaviour: random.pick(type === 'tls-alpn-01' ? tlsBehaviours : behaviours),
      family: random.pick(families),
      seed: random.fork(),
    })),
  )
  const hookFaults = random.chance(0.25) ? [planHookFault(random, challenges.length)] : []
  return { startsAt: random.between(0, 1_200), type, challenges, hookFaults }
}

function pickType(random: Random, { tls, dns }: Shares): RunPlan['type'] {
  // Where a type has no share, the cycles of a seed are those from before it was known here.
  if (tls > 0 && random.chance(tls)) return 'tls-alpn-01'
  return dns > 0 && random.chance(dns / (1 - tls)) ? 'dns-01' : 'http-01'
}

function planHookFault(random: Random, challenges: number): HookFault {
  return {
    hook: random.pick(['auth', 'cleanup']),
    challenge: random.between(0, challenges - 1),
    signal: random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGSTOP']),
    after: random.between(0, 400),
    amount: random.between(20, 800),
  }
}
