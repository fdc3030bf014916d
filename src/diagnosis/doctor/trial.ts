/**
 * Tries what a responder's start does: queue, raw socket, giving root up, and then, as that user, the real rules by
 * each back end. It changes its process and its network namespace, so both have to be its own: it runs in
 * cli/doctor-probe.ts, below `unshare --net`.
 */
import type { ChallengeType } from '../../challenge/challenge.js'
import { selectorsFor } from '../../challenge/selectors.js'
import { toFailure, type FailureCode } from '../../failure.js'
import { installFirst } from '../../firewall/choose.js'
import { ipSets } from '../../kernel/ip-sets.js'
import type { BackEndName } from '../../firewall/choices.js'
import { OWN_LOCK } from '../../firewall/program-path.js'
import { run as runProgram, type Run, type RunResult } from '../../firewall/run.js'
import type { Ruleset, Selection } from '../../firewall/ruleset.js'
import { findAccount } from '../../kernel/account.js'
import { dropPrivileges } from '../../kernel/privileges.js'
import { openQueue } from '../../kernel/queue.js'
import { openRawSockets } from '../../kernel/raw-socket.js'

/** What the trial has to do. It is made outside, where the host's own tracking and programs can be seen. */
export interface TrialRequest {
  /** The challenge type whose rules are tried. */
  readonly type: ChallengeType
  readonly port: number
  readonly mark: number
  /** The user to become, as in --user. */
  readonly user: string | undefined
  readonly isStandalone: boolean
  readonly families: Ruleset['families']
  readonly backEnds: readonly BackEndName[]
  /**
   * Tried only when none of the others works, because trying them changes the host: legacy iptables loads its tables.
   */
  readonly lastResort: readonly BackEndName[]
}

/** The result of one back end: how it selects packets, and why not better, or why the kernel or the program refused. */
export type BackEndTry =
  | { readonly name: BackEndName; readonly selection: Selection; readonly reason: string }
  | {
      readonly name: BackEndName
      readonly refusal: string
      /** Whether a program took too long. */
      readonly isSlow?: true
    }

/** What the trial has found. */
export interface TrialReport {
  /** What was refused at the start; empty when a responder would start. */
  readonly refusals: readonly Refusal[]
  readonly backEnds: readonly BackEndTry[]
}

/** A failure, in the form in which it is passed between processes. */
export interface Refusal {
  readonly code: FailureCode
  readonly message: string
}

const TAG = 'trial'

/** A token or name of each type. */
const TRIED: Readonly<Record<ChallengeType, readonly string[]>> = {
  'http-01': ['LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'],
  'dns-01': ['_acme-challenge.example.com'],
  'tls-alpn-01': [],
}

/** Makes the trial. The queue stays open, because there is no way to close it, so the process has to end. */
export async function tryKernel({
  type,
  port,
  mark,
  user,
  isStandalone,
  families,
  backEnds,
  lastResort,
}: TrialRequest): Promise<TrialReport> {
  let queue = 0
  const refusals = [
    ...(await refusalOf(async () => {
      queue = (
        await openQueue(
          undefined,
          () => ({ verdict: 'accept' }),
          () => undefined,
        )
      ).number
    })),
    ...(await refusalOf(openRawSockets)),
    ...(await refusalOf(async () => {
      const named = user === undefined ? undefined : findAccount(user)
      if (named?.uid !== 0) await dropPrivileges(named, isStandalone)
    })),
  ]
  const tries: BackEndTry[] = []
  const tryAll = async (names: readonly BackEndName[]) => {
    for (const name of names)
      tries.push(
        await tryBackEnd(name, {
          tag: TAG,
          selectors: selectorsFor([{ type, ports: [port], tokens: TRIED[type] }]),
          queue,
          mark,
          families,
        }),
      )
  }
  await tryAll(backEnds)
  if (!tries.some((one) => 'selection' in one)) await tryAll(lastResort)
  return { refusals, backEnds: tries }
}

async function tryBackEnd(name: BackEndName, ruleset: Omit<Ruleset, 'selection'>): Promise<BackEndTry> {
  const ends = new Set<RunResult['unfinished']>()
  const run: Run = async (argv, input) => {
    const result = await withoutLock(argv, input)
    ends.add(result.unfinished)
    return result
  }
  try {
    const { firewall, selection, reason } = await installFirst(name, ruleset, run, ipSets)
    await firewall.remove()
    return { name, selection, reason }
  } catch (thrown) {
    return { name, refusal: toFailure(thrown).message, ...(ends.has('timed out') && { isSlow: true }) }
  }
}

/** No other process is in this namespace, so legacy iptables does not wait for the host's lock, nor make its file. */
const withoutLock: Run = (argv, input) => runProgram(['env', `XTABLES_LOCKFILE=${OWN_LOCK}`, ...argv], input)

async function refusalOf(task: () => Promise<unknown>): Promise<Refusal[]> {
  try {
    await task()
    return []
  } catch (thrown) {
    const { code, message } = toFailure(thrown)
    return [{ code, message }]
  }
}
