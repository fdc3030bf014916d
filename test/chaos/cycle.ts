/** One cycle: a lab of its own, everything in it at the same time, and a look at what is left. */
import { readFileSync } from 'node:fs'
import { openLab } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { checkAftermath, lookAround } from './aftermath.js'
import { startBystanders, type BystanderCounts } from './bystanders.js'
import { runCertbot, type RunRecord } from './certbot-run.js'
import { befallAll } from './faults.js'
import { runHook } from './hooks.js'
import type { Means } from './means.js'
import type { CyclePlan, FaultKind } from './plan.js'
import { makeWorld, type World } from './world.js'

/** What came of a cycle; without violations all is well. */
export interface CycleRecord {
  readonly plan: CyclePlan
  readonly runs: readonly RunRecord[]
  /** The faults that hit something. */
  readonly faults: readonly FaultKind[]
  readonly bystanders: BystanderCounts
  readonly violations: readonly string[]
  readonly events: readonly string[]
  /** The responders' log. */
  readonly log: string
  readonly milliseconds: number
}

/** Goes through the plan. Rejects only when the lab itself does not work. */
export async function runCycle(plan: CyclePlan, means: Means): Promise<CycleRecord> {
  const start = performance.now()
  const lab = await openLab()
  try {
    const world = await makeWorld(lab, plan, means)
    const before = await lookAround(world)
    const stopBystanders = startBystanders(world)
    const [faults, ...runs] = await Promise.all([
      befallAll(world),
      ...plan.runs.map((run, at) => runCertbot(world, run, at)),
    ]).catch(async (error: unknown) => {
      // Otherwise they go on in a lab that is closed, and what they meet there hides the reason.
      await stopBystanders().catch(() => undefined)
      throw error
    })
    await end(world, runs)
    await world.restarted
    const bystanders = await stopBystanders()
    await checkAftermath(world, before)
    for (const { visits } of runs) for (const visit of visits) visit.leave()
    const { violations, events } = world
    return {
      plan,
      runs,
      faults,
      bystanders,
      violations,
      events,
      log: readLog(world),
      milliseconds: performance.now() - start,
    }
  } finally {
    await lab.close()
  }
}

/** As the next certbot would, or a person: what killed hooks have left is taken away. */
async function end(world: World, runs: readonly RunRecord[]): Promise<void> {
  const { plan, lab, runDirectory, violate, note } = world
  const leftArmed = runs.flatMap((run) => run.leftArmed)
  for (const challenge of leftArmed) await runHook(world, 'cleanup', challenge)
  // Whose keeper was killed has nobody to remove its files but the next hook.
  const isUnkept = plan.faults.some(({ kind }) => kind === 'kill keeper')
  const [first] = leftArmed
  if (first && plan.ending === 'cleanup') await runHook(world, 'cleanup', first)
  else if (first || isUnkept || plan.ending === 'stop') {
    const { exitCode, stderr } = await lab.server.exec(
      [inRepository('hooks/certbot-nfq'), 'stop', '--run-dir', runDirectory],
      { reject: false, timeout: 60_000 * world.means.pace },
    )
    note(`stop: exit code ${String(exitCode)} ${stderr}`)
    if (exitCode !== 0 || stderr !== '') violate(`stop failed: exit code ${String(exitCode)}\n${stderr}`)
  }
}

function readLog({ logFile }: World): string {
  try {
    return readFileSync(logFile, 'utf8')
  } catch {
    // No responder ever started.
    return ''
  }
}
