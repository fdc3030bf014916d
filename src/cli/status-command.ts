import type { ChallengeStatus } from '../control/challenge-status.js'
import type { ResponderStatus } from '../control/responder-status.js'
import { describeNode, describeStore } from '../control/describe-store.js'
import { describeWebroot } from '../control/describe-webroot.js'
import { ask } from '../client/ask.js'
import { checkRunDirectory, runDirectory } from '../responder/run-directory.js'
import { describeVisit } from '../diagnosis/validation/describe-visit.js'
import { describeAbsence, readAbsence } from '../diagnosis/doctor/absence.js'
import { printable, printableJson, wordsOf } from '../wire/printable.js'
import type { Options } from './options.js'

type Counts = ResponderStatus['counts']

/** The newest visits for tokens that were not armed that are shown. */
const SHOWN_VISITS = 5

/**
 * Prints what the responder reports of itself. That there is none is not a failure.
 * @throws Failure
 */
export async function statusCommand(options: Options, isJson: boolean): Promise<void> {
  const directory = runDirectory(options.runDir)
  checkRunDirectory(directory)
  const response = await ask(directory, { op: 'status' })
  const status = typeof response === 'object' ? response.status : undefined
  const absence = status ? undefined : await readAbsence(directory)
  if (isJson)
    process.stdout.write(
      `${printableJson(JSON.stringify(status ? { running: true, ...status } : { running: false, ...absence }, null, 2))}\n`,
    )
  else if (status) process.stdout.write(`${formatStatus(status, options.verbose)}\n`)
  else if (absence)
    process.stdout.write(`${describeAbsence(absence, directory).split('\n').map(printable).join('\n')}\n`)
}

/**
 * Returns the status for a person, a line for each thing; with `isVerbose` every counter too. Text from the responder
 * is made printable.
 */
export function formatStatus(status: ResponderStatus, isVerbose = false): string {
  const { firewall, challenges, counts } = status
  return [
    `certbot-nfq ${status.version}, process ${status.pid}, since ${status.startedAt}`,
    firewall
      ? `port ${status.ports.join(', ')} by ${firewall.name}, ${firewall.selection === 'port' ? 'ALL of its traffic' : 'challenge requests only'} to queue ${status.queue} (${firewall.reason})`
      : 'no rules installed',
    ...(status.standalone ?? []).map((port) => `nobody listens on port ${port}: serving it ourselves`),
    ...(status.webroots ?? []).map((webroot) => `webroot ${webroot.directory}: ${describeWebroot(webroot)}`),
    ...formatStateless(status.stateless),
    ...(status.store ? [`store ${status.store.url}: ${describeStore(status.store)}`] : []),
    ...(status.store?.nodes ?? []).map((node) => `  node ${describeNode(node)}`),
    `${challenges.length} ${challenges.length === 1 ? 'challenge' : 'challenges'} armed${status.endsIn === undefined ? '' : `; lingers for ${status.endsIn} s more`}`,
    ...challenges.flatMap(formatChallenge),
    describeCounts(counts),
    ...(isVerbose ? [everyCount(status)] : []),
    ...status.log.slice(-10).map((line) => `  ${line}`),
  ]
    .map(printable)
    .join('\n')
}

function formatStateless(stateless: ResponderStatus['stateless']): string[] {
  if (!stateless) return []
  const { thumbprint, names, port, answered, abandoned, visits } = stateless
  const whom = names.length === 0 ? 'any name' : names.join(', ')
  return [
    `any token is answered on port ${port} for the account ${thumbprint} and ${whom}: ${answered} answered, ${abandoned} abandoned`,
    ...visits.slice(-SHOWN_VISITS).map((visit) => `    ${describeVisit(visit)}`),
  ]
}

/** Returns the four counters that matter, in words; docs/options.md explains them all. */
function describeCounts({ answered = 0, acknowledged = 0, unknownToken = 0, lostByKernel = 0 }: Counts): string {
  const requests = `${answered} ${answered === 1 ? 'request' : 'requests'} answered, ${acknowledged} of the answers acknowledged`
  return `${requests}; ${unknownToken} for tokens that are not armed; ${lostByKernel} ${lostByKernel === 1 ? 'packet' : 'packets'} lost`
}

function everyCount({ counts, limits = {} }: ResponderStatus): string {
  return Object.entries(counts)
    .map(([name, count]) => `${wordsOf(name)} ${count}${Object.hasOwn(limits, name) ? ` of ${limits[name]}` : ''}`)
    .join(', ')
}

function formatChallenge({ identifier, token, port, expiresIn, visits, strays }: ChallengeStatus): string[] {
  const others = strays ? `; for other tokens ${strays.count}, last ${strays.client} for ${strays.token}` : ''
  return [
    `  ${identifier} on port ${port}, token ${token}, for ${expiresIn} s more`,
    ...(visits.length === 0
      ? [`    nobody has asked for it yet${others}`]
      : visits.map((visit) => `    ${describeVisit(visit)}`)),
  ]
}
