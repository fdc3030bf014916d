/** Measures what a hook costs certbot: the time from the start of its process to its end. */
import { spawnSync } from 'node:child_process'
import { withSystemPrograms } from '../../src/lab/run.js'
import { challengeFor } from '../scenarios/challenge.js'
import type { BenchLab } from './bench-lab.js'
import { exchange } from './client-socket.js'
import { emptyComparison, type Comparison } from './figures.js'
import { port } from './web-server.js'

/** The kinds of calls, in words for a table. */
export const hookCalls = {
  coldAuth: 'auth, cold (starts the responder)',
  warmAuth: 'auth, warm',
  cleanup: 'cleanup, not the last',
  lastCleanup: 'cleanup, the last (ends the responder)',
  coldCleanup: 'cleanup without a responder (sweeps)',
} as const

export type HookCall = keyof typeof hookCalls

/** Milliseconds of each call, and of the `node -e 0` right before it. */
export type HookResults = Readonly<Record<HookCall, Comparison>>

/** Measures `rounds` times a whole life of a responder with two challenges. */
export function measureHooks(lab: BenchLab, rounds: number): HookResults {
  const first = lab.challenge
  const second = challengeFor('the second')
  const life = [
    ['coldAuth', 'auth', first],
    ['warmAuth', 'auth', second],
    ['cleanup', 'cleanup', second],
    ['lastCleanup', 'cleanup', first],
    ['coldCleanup', 'cleanup', first],
  ] as const
  const results = {
    coldAuth: emptyComparison(),
    warmAuth: emptyComparison(),
    cleanup: emptyComparison(),
    lastCleanup: emptyComparison(),
    coldCleanup: emptyComparison(),
  }
  // The first time is not counted: caches.
  for (let round = 0; round <= rounds; round++) {
    for (const [call, name, challenge] of life) {
      // As a CA does. A challenge that nobody asked for costs its cleanup a diagnosis.
      if (call === 'cleanup' || call === 'lastCleanup')
        exchange(lab.validator, { address: lab.for.validators, port }, challenge.request)
      const { argv, env } = lab.responder.hook(name, challenge)
      const baseline = millisecondsOf(lab, [process.execPath, '-e', '0'], env)
      const value = millisecondsOf(lab, argv, env)
      if (round === 0) continue
      results[call].baselines.push(baseline)
      results[call].values.push(value)
    }
  }
  return results
}

/**
 * Wall time of a process in the server namespace, nsenter's own start included, which is the same for all. Throws when
 * it ends with another status than is right.
 */
export function millisecondsOf(
  lab: BenchLab,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  { input = '', status: right = 0 } = {},
): number {
  const start = performance.now()
  const { status, stderr } = spawnSync('nsenter', [`--net=/run/netns/${lab.server.name}`, '--', ...argv], {
    env: withSystemPrograms(env),
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const milliseconds = performance.now() - start
  if (status !== right) throw new Error(`${argv.join(' ')} ended with ${String(status)}:\n${stderr.toString()}`)
  return milliseconds
}
