/** Does a challenge request really reach the responder? Asked by the hook that has made it cover a port, for that is root. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { SelfCheckOrder } from '../control/self-check-order.js'
import { environment } from '../firewall/program-path.js'
import type { RunResult } from '../firewall/run.js'
import { isTranslated } from '../firewall/translation.js'
import { ask, type Outcome } from './ask.js'
import { askFromOutside } from './outside.js'
import { warningOf, type Finding } from './verdict.js'

/** Milliseconds for all, and for an answer over loopback, which takes a few. */
const TIME_LIMIT = 2_000
const LOOPBACK_TIME = 600

/** Addresses of this machine that are tried, in each family. */
const MAX_ADDRESSES = 4

/** Asks on each port by each family, over loopback where that goes the way of a validator's request, else from outside. Gives a warning, or nothing. Never rejects. */
export async function selfCheck(order: SelfCheckOrder): Promise<string | undefined> {
  const end = performance.now() + TIME_LIMIT
  const places = order.ports.flatMap((port) => order.families.map((version) => ({ port, version })))
  const findings = await Promise.all(places.map((place) => checkFromHere(order, place)))
  // Sent on to a container it passes other chains from outside; and a machine may keep its own loopback shut.
  const isOpen = ({ isTranslated, outcome }: Finding) => (isTranslated && outcome === 'unknown') || outcome === 'silent'
  const questions = findings.filter(isOpen).map(({ port, version }) => ({ ...order, port, address: addressesOf(version)[0] }))
  const reachable = questions.filter((question): question is typeof question & { address: string } => question.address !== undefined)
  if (reachable.length === 0) return warningOf(findings)
  const outcomes = await askFromOutside(reachable, end - performance.now())
  return warningOf(
    findings.map((finding) => {
      const at = isOpen(finding) ? reachable.findIndex(({ port, address }) => port === finding.port && addressesOf(finding.version)[0] === address) : -1
      const outcome = outcomes[at] ?? 'unknown'
      return outcome === 'unknown' ? finding : { ...finding, outcome }
    }),
  )
}

async function checkFromHere(order: SelfCheckOrder, { port, version }: Pick<Finding, 'port' | 'version'>): Promise<Finding> {
  const isElsewhere = isForwarding(version) && (await isTranslated(version, port, run).catch(() => false))
  if (isElsewhere) return { port, version, outcome: 'unknown', isTranslated: true }
  let outcome: Outcome = 'refused'
  for (const address of [version === 4 ? '127.0.0.1' : '::1', ...addressesOf(version)]) {
    outcome = await ask({ ...order, port, address }, LOOPBACK_TIME)
    // One that listens on a single address is found there.
    if (outcome !== 'refused') break
  }
  return { port, version, outcome, isTranslated: false }
}

/** Without it nothing is sent on to another machine, and no rules need be read. */
function isForwarding(version: 4 | 6): boolean {
  try {
    return readFileSync(`/proc/sys/net/${version === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding'}`, 'latin1').trim() !== '0'
  } catch {
    return false
  }
}

/** This machine's own, but for loopback and link-local ones. */
function addressesOf(version: 4 | 6): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ family, internal, address }) => family === `IPv${version}` && !internal && !address.startsWith('fe80:'))
    .slice(0, MAX_ADDRESSES)
    .map(({ address }) => address)
}

function run([file = '', ...words]: readonly string[]): Promise<RunResult> {
  return new Promise((resolve) => {
    execFile(file, words, { timeout: LOOPBACK_TIME, maxBuffer: 16 * 1024 * 1024, env: environment() }, (error, stdout, stderr) => resolve({ exitCode: error ? 1 : 0, stdout, stderr }))
  })
}
