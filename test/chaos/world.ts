/** The lab of one cycle, and a record of what has happened in it. */
import { join } from 'node:path'
import type { Lab, Service } from '../../src/lab/lab.js'
import { startWebServer, type WebServer } from '../../src/lab/web-server.js'
import { startDnsServer } from '../scenarios/dns-server.js'
import { trackInvalid } from '../scenarios/stateful-rules.js'
import { impair } from './impairments.js'
import type { Means } from './means.js'
import type { CyclePlan } from './plan.js'

/** Whose addresses are whose: where connections are not tracked, what is queued is told by the source. */
export const addresses = {
  server: { 4: '192.0.2.1', 6: '2001:db8::1' },
  validator: { 4: '192.0.2.2', 6: '2001:db8::2' },
  vanishing: { 4: '192.0.2.20', 6: '2001:db8::20' },
  bystander: { 4: '192.0.2.30', 6: '2001:db8::30' },
  curious: { 4: '192.0.2.31', 6: '2001:db8::31' },
} as const

/** A stretch of time on the clock of `performance.now()`; without its end while it lasts. */
export interface Span {
  readonly from: number
  to: number
}

export interface World {
  readonly lab: Lab
  readonly plan: CyclePlan
  readonly means: Means
  readonly runDirectory: string
  readonly logFile: string
  webServer: WebServer
  /** The one on port 443, where a run is by tls-alpn-01. */
  tlsServer: WebServer | undefined
  /** The name server on port 53, where a run is by dns-01. */
  dnsServer: Service | undefined
  /** From the signal that ends a responder to its end: nothing is owed to what was armed before or meanwhile. */
  readonly deaths: Span[]
  /** While the web server was away: connections are refused and reset. */
  readonly restarts: Span[]
  /** Settles when they are back. */
  restarted: Promise<void>
  /** What broke a promise, in words. */
  readonly violations: string[]
  /** What happened, each with its milliseconds since the start of the cycle. */
  readonly events: string[]
  /** Notes an event. */
  note(text: string): void
  /** Notes a broken promise. */
  violate(text: string): void
}

/** How the web server on port 443 is started. */
export const onPort443 = { port: 443, isTls: true } as const

/** Sets everything up; nothing is armed and the cable is impaired already when this resolves. */
export async function makeWorld(lab: Lab, plan: CyclePlan, means: Means): Promise<World> {
  if (plan.isTracked) await trackInvalid(lab.server)
  const webServer = await startWebServer(lab)
  const hasTls = plan.runs.some(({ type }) => type === 'tls-alpn-01')
  const tlsServer = hasTls ? await startWebServer(lab, onPort443) : undefined
  const hasDns = plan.runs.some(({ type }) => type === 'dns-01')
  const dnsServer = hasDns ? await startDnsServer(lab.server, 53) : undefined
  for (const family of [4, 6] as const)
    for (const who of ['vanishing', 'bystander', 'curious'] as const)
      await lab.validator.addAddress(addresses[who][family])
  await impair(lab, plan.impairment, plan.families)
  const start = performance.now()
  const events: string[] = []
  const violations: string[] = []
  const note = (text: string) => void events.push(`${(performance.now() - start).toFixed(0).padStart(6)} ms  ${text}`)
  return {
    lab,
    plan,
    means,
    runDirectory: join(lab.directory, 'run'),
    logFile: join(lab.directory, 'responder.log'),
    webServer,
    tlsServer,
    dnsServer,
    deaths: [],
    restarts: [],
    restarted: Promise.resolve(),
    violations,
    events,
    note,
    violate: (text) => {
      violations.push(text)
      note(`VIOLATION: ${text}`)
    },
  }
}

/** Whether any of the spans touches the stretch of time. */
export function touches(spans: readonly Span[], from: number, to: number): boolean {
  return spans.some((span) => span.from <= to && span.to >= from)
}
