/**
 * Does a challenge request reach the responder? The hook that made the responder cover a port asks, because it is root.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { Visit } from '../../control/challenge-status.js'
import type { SelfCheckOrder } from '../../control/self-check-order.js'
import { environment } from '../../firewall/program-path.js'
import type { RunResult } from '../../firewall/run.js'
import { isTranslated } from '../../rules-read/translation.js'
import { ask } from './ask.js'
import type { Asking, Question } from './asking.js'
import { askFromOutside } from './outside.js'
import { PATIENCE, patience } from './patience.js'
import { warningOf, type CheckedPort } from './warning.js'
import type { IpVersion } from '../../wire/ip.js'

/** Milliseconds after which a connection over loopback that was not accepted is also tried from outside. */
const LOOPBACK_TIME = 600

/** Milliseconds for a program that lists rules. */
const LISTING_TIME = 15_000

/** The number of this machine's addresses that are tried, for each IP version. */
const MAX_ADDRESSES = 4

/** What to ask for: what a responder orders, and for which host if not for this machine's addresses. */
export type SelfCheck = SelfCheckOrder & Pick<Question, 'host'>

/** Where a request goes. */
type Place = Pick<CheckedPort, 'port' | 'version' | 'transport'>

/** A request for one port by one IP version, and with dns-01 by one transport. */
interface Attempt extends Omit<CheckedPort, 'results'> {
  /** The request over loopback; undefined where a validator's request takes another way. */
  readonly here: Asking | undefined
}

/**
 * Sends a request to each port by each IP version: over loopback where that takes the way of a validator's request,
 * otherwise from outside. Returns a warning, or nothing.
 *
 * `report` lets the responder forget the token, and returns who has asked for it, or undefined when the responder does
 * not tell. Never rejects.
 */
export async function selfCheck(
  order: SelfCheck,
  report: () => Promise<readonly Visit[] | undefined>,
): Promise<string | undefined> {
  const over = new AbortController()
  const transports = order.type === 'dns-01' ? (['udp', undefined] as const) : [undefined]
  const places = order.ports.flatMap((port) =>
    order.families.flatMap((version) =>
      transports.map((transport): Place => ({ port, version, ...(transport && { transport }) })),
    ),
  )
  const attempts = await Promise.all(places.map((place) => askFromHere(order, place, over.signal)))
  const questions = attempts.map((attempt) => questionOutside(order, attempt))
  const asked = questions.filter((question) => question !== undefined)
  const outside = asked.length > 0 ? askFromOutside(asked) : undefined
  const resultsOutside = () => questions.map((question) => question && outside?.results[asked.indexOf(question)])

  const answeredOutside = async (at: number) => {
    await outside?.over
    const result = resultsOutside()[at]
    // Where nobody can ask from outside, loopback decides.
    if (!result || result.state === 'unknown') await attempts[at]?.here?.ended
  }
  const settled = attempts.map(async ({ here }, at) =>
    Promise.race([...(here ? [here.ended] : []), answeredOutside(at)]),
  )
  await Promise.race([Promise.all(settled), Promise.all([patience(PATIENCE, over.signal), outside?.over])])

  // Open requests may still be answered now: the responder gives its connections the time to end.
  const seen = await report().catch(() => undefined)
  const checked = attempts.map(({ here, ...place }, at) => ({
    ...place,
    results: [here?.result, resultsOutside()[at]].filter((result) => result !== undefined),
  }))
  over.abort()
  for (const { here } of attempts) here?.close()
  await outside?.close()
  return warningOf(checked, seen)
}

/** Asks over loopback. Resolves when the connection is accepted, or has not been for a while. */
async function askFromHere(order: SelfCheck, place: Place, givenUp: AbortSignal): Promise<Attempt> {
  const { version, port, transport } = place
  const isElsewhere = isForwarding(version) ? await isTranslated(version, port, run).catch(() => undefined) : false
  if (isElsewhere) return { ...place, isTranslated: true, here: undefined }
  let here: Asking | undefined
  for (const address of [version === 4 ? '127.0.0.1' : '::1', ...addressesOf(version)]) {
    here = ask({ ...order, port, address, ...(transport && { transport }) })
    await Promise.race([here.accepted, patience(LOOPBACK_TIME, givenUp)])
    // A server that listens on a single address is found there.
    if (here.result.state !== 'refused') break
  }
  return { ...place, isTranslated: isElsewhere, here }
}

/**
 * Returns what to ask from outside. A port that is sent on to a container passes other chains there, and a machine may
 * block its own loopback.
 */
function questionOutside(order: SelfCheck, { port, version, transport, here }: Attempt): Question | undefined {
  const [address] = addressesOf(version)
  const isNeeded = !here || here.result.state === 'not accepted'
  return isNeeded && address !== undefined ? { ...order, port, address, ...(transport && { transport }) } : undefined
}

/**
 * Returns whether this machine forwards packets. If not, nothing is sent on to another machine, and no rules need to be
 * read.
 */
function isForwarding(version: IpVersion): boolean {
  try {
    return (
      readFileSync(
        `/proc/sys/net/${version === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding'}`,
        'latin1',
      ).trim() !== '0'
    )
  } catch {
    return false
  }
}

/** Returns this machine's addresses without loopback and link-local ones. */
function addressesOf(version: IpVersion): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ family, internal, address }) => family === `IPv${version}` && !internal && !address.startsWith('fe80:'))
    .slice(0, MAX_ADDRESSES)
    .map(({ address }) => address)
}

/** Runs a program. Rejects when it does not end by itself, because then nothing is known of the rules. */
function run([file = '', ...words]: readonly string[]): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    execFile(
      file,
      words,
      { timeout: LISTING_TIME, maxBuffer: 16 * 1024 * 1024, env: environment() },
      (error, stdout, stderr) => {
        if (error?.signal) reject(new Error(error.signal))
        else resolve({ exitCode: error ? 1 : 0, stdout, stderr })
      },
    )
  })
}
