/** What the kernel supports, judged by a trial in a network namespace of its own. */
import { FIXES } from '../../failure.js'
import type { FirewallChoice } from '../../firewall/choices.js'
import type { Run } from '../../firewall/run.js'
import type { BackEnd } from './back-ends.js'
import { fail, ok, warn, type Finding } from './finding.js'
import type { BackEndTry, TrialReport, TrialRequest } from './trial.js'
import { untoldBy, type Untold } from './untold.js'

/**
 * Returns the report, or why the trial could not be made. `trial` is the command that makes it, without its request.
 */
export async function runTrial(
  trial: readonly string[],
  choice: FirewallChoice,
  request: TrialRequest,
  run: Run,
): Promise<TrialReport | Untold> {
  // hooks/keep reads --firewall to decide which kernel modules to load.
  const result = await run(['unshare', '-n', ...trial, JSON.stringify(request), `--firewall=${choice}`])
  if (result.exitCode !== 0)
    return untoldBy(
      result,
      result.stderr.startsWith('unshare:')
        ? 'run it where a network namespace can be made (unshare --net)'
        : SAME_START,
    )
  try {
    return JSON.parse(result.stdout) as TrialReport
  } catch {
    return { reason: 'the trial ended without a report', fix: SAME_START }
  }
}

const SAME_START = 'see with: certbot-nfq serve --verbose, which makes the same start as the hooks'

/**
 * Judges the start of a responder without its rules. Where there was no trial, this is the one finding that says so.
 */
export function judgeKernel(report: TrialReport | Untold): Finding[] {
  if ('reason' in report) return [warn('kernel', `not tried, nor the rules: ${report.reason}`, report.fix)]
  if (report.refusals.length > 0)
    return report.refusals.map(({ code, message }) => fail('kernel', message, FIXES[code]))
  return [ok('kernel', 'a queue can be bound, a raw socket opened, and root given up')]
}

/**
 * Returns which back end will be used, and why. The rules were tried in the order in which a responder tries them.
 * Returns nothing where they were not tried.
 */
export function judgeFirewall(
  report: TrialReport | Untold,
  choice: FirewallChoice,
  there: readonly BackEnd[],
): Finding[] {
  if (choice === 'auto' && there.length === 0)
    return [fail('firewall', 'neither nft nor iptables is installed', FIXES['firewall-unavailable'])]
  return 'reason' in report ? [] : [judgeTries(report, choice, there)]
}

function judgeTries(report: TrialReport, choice: FirewallChoice, there: readonly BackEnd[]): Finding {
  const programs = there.length === 0 ? 'none' : there.map(({ name, version }) => `${name} ${version}`).join(', ')
  const used = usedOf(report.backEnds)
  const isSlow = report.backEnds.some((one) => 'refusal' in one && one.isSlow)
  if (!used && isSlow)
    return warn(
      'firewall',
      `the rules could not be tried to the end: ${report.backEnds.map(describeTry).join('; ')}`,
      'run it again when this machine is less busy',
    )
  if (!used)
    return fail(
      'firewall',
      `no back end can queue packets here: ${report.backEnds.map(describeTry).join('; ')}`,
      FIXES['firewall-unavailable'],
    )
  const others = report.backEnds.filter((one) => one !== used).map(describeTry)
  const why = [choice === 'auto' ? 'the first of these that works' : 'as --firewall says', ...others].join('; ')
  if (used.selection === 'prefilter')
    return ok('firewall', `${used.name} will be used, challenge requests only (${why}); installed: ${programs}`)
  return warn(
    'firewall',
    `${used.name} will be used, and ALL traffic of the port will pass through the queue (${used.reason}); installed: ${programs}`,
    'install nft 1.0.1 or later with Linux 5.16, or load what iptables lacks: modprobe -a xt_bpf xt_string',
  )
}

/** Picks as firewall/choose.ts does: the prefilter by any back end, then the whole port by any. */
function usedOf(tries: readonly BackEndTry[]) {
  const works = tries.flatMap((one) => ('selection' in one ? [one] : []))
  return works.find(({ selection }) => selection === 'prefilter') ?? works[0]
}

/** Describes one try. A refusal names every attempt of the back end; the first is enough. */
function describeTry(one: BackEndTry): string {
  if ('selection' in one)
    return `${one.name} ${one.selection === 'prefilter' ? 'works too' : 'takes the whole port only'}`
  const [, reason = one.refusal] = /\(prefilter\): (?:nft: )?(.*?)(?:; |$)/.exec(one.refusal) ?? []
  return `${one.name} does not: ${reason}`
}
