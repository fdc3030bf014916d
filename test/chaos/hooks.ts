/** Runs the real hooks as certbot does, and kills or stops them. */
import { setTimeout as delay } from 'node:timers/promises'
import { ADVICE } from '../../src/diagnosis/validation/diagnosis.js'
import type { Service } from '../../src/lab/lab.js'
import { signal } from '../../src/lab/processes.js'
import { inRepository } from '../../src/lab/repository.js'
import type { Challenge } from './challenges.js'
import { within } from './connection.js'
import type { HookFault } from './plan.js'
import { touches, type World } from './world.js'

/** How one hook went. */
export interface HookResult {
  /** Exit code 0. */
  readonly isDone: boolean
  readonly from: number
  readonly to: number
}

/** Milliseconds, more than the 30 s after which hooks themselves give up. */
const patience = 60_000
/** Milliseconds by which what a signal did may be seen later than it was sent. */
const slack = 200

/** What a cleanup says of validators that behaved badly, or of a challenge that nobody asked for. */
const diagnosis = new RegExp(`^certbot-nfq: .*\\n.* \\[(${Object.keys(ADVICE).join('|')}), .*\\]\\n`)

/**
 * A self-check on a machine that is emulated, or whose web server is restarting just then; that somebody else answered
 * is never right.
 */
const selfCheck = /^certbot-nfq: self-check: (?!.* by another ).*\n.*\[self-check, .*\]\n/

/**
 * Runs the hook that arms a challenge, or the one that disarms it. Without a fault of its own, or of its responder, it
 * has to succeed, and silently but for a diagnosis, or a self-check that could not be made.
 */
export async function runHook(
  world: World,
  name: 'auth' | 'cleanup',
  challenge: Challenge,
  fault?: HookFault,
): Promise<HookResult> {
  const { lab, plan, means, runDirectory, logFile } = world
  const from = performance.now()
  const options = ['--run-dir', runDirectory, '--firewall', plan.firewall, '--log-file', logFile]
  const { argv, env } = callOf(name, challenge, options)
  const service = lab.server.spawn(argv, { env })
  const title = `${name} ${challenge.token.slice(0, 6)}, pid ${service.pid}`
  world.note(`${title}: started`)
  const befallen = fault ? befall(world, service, title, fault) : Promise.resolve(false)
  const end = await within(patience * means.pace, undefined, service.exited)
  if (!end) {
    world.violate(`${title} hangs${fault ? ` (${fault.signal} after ${fault.after} ms)` : ''}:\n${service.output()}`)
    await service.stop('SIGKILL')
  }
  const to = performance.now()
  world.note(
    `${title}: ${end?.exitCode === undefined ? String(end?.signal) : `exit code ${end.exitCode}`} ${service.output().trim()}`,
  )
  const isDone = end?.exitCode === 0
  const isExcused = (await befallen) || touches(world.deaths, from - slack, to)
  if (end && !isExcused && (!isDone || service.output().replace(selfCheck, '').replace(diagnosis, '') !== ''))
    world.violate(`${title} failed without a reason: exit code ${String(end.exitCode)}\n${service.output()}`)
  return { isDone, from, to }
}

/** Returns the call of certbot's hook, or of uacme's. */
function callOf(name: 'auth' | 'cleanup', challenge: Challenge, options: readonly string[]) {
  if (challenge.type === 'http-01') {
    const { token, keyAuthorization } = challenge
    const env = { CERTBOT_DOMAIN: 'example.com', CERTBOT_TOKEN: token, CERTBOT_VALIDATION: keyAuthorization }
    return { argv: [inRepository(`hooks/${name}`), ...options], env }
  }
  const { type, identifier, token, digest } = challenge
  if (type === 'dns-01')
    return {
      argv: [inRepository(`hooks/${name}`), ...options],
      env: { CERTBOT_DOMAIN: identifier, CERTBOT_VALIDATION: digest },
    }
  const method = name === 'auth' ? 'begin' : 'done'
  const words = [inRepository('hooks/uacme'), '--challenge', type, ...options]
  return { argv: [...words, method, type, identifier, token, digest], env: {} }
}

/** True when it was reason enough to fail: a hook that was stopped and continued has none. */
async function befall({ note, means }: World, service: Service, title: string, fault: HookFault): Promise<boolean> {
  // Once it has ended its pid may be another's.
  if (await within(fault.after * means.pace, undefined, service.exited)) return false
  note(`${title}: ${fault.signal}`)
  signal(service.pid, fault.signal)
  if (fault.signal !== 'SIGSTOP') return true
  await delay(fault.amount * means.pace)
  signal(service.pid, 'SIGCONT')
  return false
}
