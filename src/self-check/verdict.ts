/** What a self-check found out, in words. */
import type { Outcome } from './ask.js'

export interface Finding {
  readonly port: number
  readonly version: 4 | 6
  readonly outcome: Outcome
  /** Whether rules send the port on to another machine, such as a container. */
  readonly isTranslated: boolean
}

/**
 * One line for a person; nothing when all is well, or nothing is known. A family that nobody listens by is no fault while the other one works, nor is
 * a refusal where a rule that sends the port on may be for some interfaces only.
 */
export function warningOf(findings: readonly Finding[]): string | undefined {
  const isReached = (port: number) => findings.some((finding) => finding.port === port && finding.outcome === 'answered')
  const faults = findings.flatMap(({ port, version, outcome, isTranslated }) => {
    const where = `port ${port} by IPv${version}`
    if (outcome === 'other answer') return [`a request to ${where} was answered by another than the responder: a firewall rule may let it pass before ours`]
    if (outcome === 'silent') return [`a request to ${where} was not answered in time: a firewall rule may drop it`]
    if (outcome === 'refused' && !isTranslated && !isReached(port)) return [`nobody accepts connections to ${where}`]
    return []
  })
  if (faults.length === 0) return undefined
  return `certbot-nfq: self-check: ${faults.join('; ')}. The challenge is armed all the same. [docs/self-check.md]`
}
