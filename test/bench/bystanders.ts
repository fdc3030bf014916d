/** Measures what ordinary clients get, in each state of the server, in turns with the unarmed server. */
import type { BenchLab, Tracking } from './bench-lab.js'
import { download, upload, type TransferResult } from './client-socket.js'
import { median, type Comparison } from './figures.js'
import { enter, type StateName } from './states.js'
import { downloadLength, port } from './web-server.js'
import { wrk, type WrkResult } from './wrk.js'

/** How long and how often. */
export interface Effort {
  readonly rounds: number
  /** Of each run of wrk, whole ones. */
  readonly seconds: number
  /** Of each long body in a sample. */
  readonly transfers: number
}

/** Everything ordinary clients were measured doing once. */
interface Sample {
  readonly kept: WrkResult
  readonly fresh: WrkResult
  /** Bytes per second each, and how many of the transfers broke off. */
  readonly bodies: Readonly<Record<BodyName, { readonly rate: number; readonly broken: number }>>
}

type BodyName = 'download' | 'upload' | 'fourUploads'

/** What the columns of the table are; latencies in milliseconds, bodies in bytes per second. */
export const quantities = {
  keptRate: { title: 'requests/s, keep-alive', of: ({ kept }: Sample) => kept.requestsPerSecond },
  keptP50: { title: 'p50, keep-alive', of: ({ kept }: Sample) => kept.p50 },
  keptP99: { title: 'p99, keep-alive', of: ({ kept }: Sample) => kept.p99 },
  freshRate: { title: 'requests/s, new connections', of: ({ fresh }: Sample) => fresh.requestsPerSecond },
  freshP50: { title: 'p50, new connections', of: ({ fresh }: Sample) => fresh.p50 },
  freshP99: { title: 'p99, new connections', of: ({ fresh }: Sample) => fresh.p99 },
  download: { title: 'download, 100 MB', of: ({ bodies }: Sample) => bodies.download.rate },
  upload: { title: 'upload, 50 MB', of: ({ bodies }: Sample) => bodies.upload.rate },
  fourUploads: { title: '4 uploads of 50 MB at once', of: ({ bodies }: Sample) => bodies.fourUploads.rate },
} as const

export type QuantityName = keyof typeof quantities

/** One line of the table. */
export interface StateResult {
  readonly state: StateName
  readonly comparisons: Readonly<Record<QuantityName, Comparison>>
  /** Failed requests by wrk's count, and long bodies that broke off. */
  readonly failedRequests: number
  readonly brokenBodies: number
}

/** The results with one kind of server. */
export interface BystanderResults {
  readonly tracking: Tracking
  readonly rounds: number
  readonly unarmed: Readonly<Record<QuantityName, readonly number[]>>
  readonly states: readonly StateResult[]
}

/** Each is measured right after an unarmed sample. */
const turns: readonly StateName[] = ['again', 'armed', 'hundred', 'thousand', 'stopped', 'naive']

const body = new Uint8Array(50_000_000)
const uploadHead = `POST /upload HTTP/1.1\r\nHost: example.com\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
const downloadRequest = 'GET /download HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n'
/** Milliseconds for one body, over a hundred times what it takes unarmed. */
const patience = 5_000
/** Milliseconds after which one kind of body is not sent once more. */
const enough = 1_000

/** Measures; `report` gets a line for each sample. */
export async function measureBystanders(
  lab: BenchLab,
  effort: Effort,
  report: (line: string) => void,
): Promise<BystanderResults> {
  const { tracking } = lab
  const unarmed: Sample[] = []
  const taken = new Map<StateName, { sample: Sample; baseline: Sample }[]>()
  // One that is not counted: caches, and the processor's clock.
  await takeSample(lab, { ...effort, seconds: 1 })
  for (let round = 1; round <= effort.rounds; round++) {
    // In the opposite order every other time, so that no state always comes late in a round.
    for (const state of round % 2 === 1 ? turns : [...turns].reverse()) {
      const baseline = await takeSample(lab, effort)
      unarmed.push(baseline)
      const leave = await enter(lab, state)
      const sample = await takeSample(lab, effort)
      await leave()
      taken.set(state, [...(taken.get(state) ?? []), { sample, baseline }])
      report(
        `tracking ${tracking}, round ${round} of ${effort.rounds}, ${state}: ${Math.round(sample.kept.requestsPerSecond)} requests/s, unarmed ${Math.round(baseline.kept.requestsPerSecond)}`,
      )
    }
  }
  return {
    tracking,
    rounds: effort.rounds,
    unarmed: forEachQuantity((of) => unarmed.map(of)),
    states: [...taken].map(([state, samples]) => ({
      state,
      comparisons: forEachQuantity((of) => ({
        values: samples.map(({ sample }) => of(sample)),
        baselines: samples.map(({ baseline }) => of(baseline)),
      })),
      failedRequests: sum(samples.map(({ sample }) => sample.kept.failures + sample.fresh.failures)),
      brokenBodies: sum(samples.flatMap(({ sample }) => Object.values(sample.bodies).map(({ broken }) => broken))),
    })),
  }
}

async function takeSample(lab: BenchLab, { seconds, transfers }: Effort): Promise<Sample> {
  const target = { address: lab.for.bystanders, port }
  const url = `http://${lab.for.bystanders}/`
  await lab.forgetConnections()
  const kept = await wrk(lab, url, { seconds, isEachOnItsOwn: false })
  const fresh = await wrk(lab, url, { seconds, isEachOnItsOwn: true })
  await lab.forgetConnections()
  const get = () => download(lab.validator, target, downloadRequest, downloadLength, patience)
  const post = () => upload(lab.validator, target, uploadHead, body, patience)
  return {
    kept,
    fresh,
    bodies: {
      download: await repeat(transfers, () => Promise.all([get()])),
      upload: await repeat(transfers, () => Promise.all([post()])),
      fourUploads: await repeat(transfers, () => Promise.all([post(), post(), post(), post()])),
    },
  }
}

/** The median rate of `times` goes; fewer when they take long, or when one breaks off. */
async function repeat(times: number, go: () => Promise<TransferResult[]>): Promise<{ rate: number; broken: number }> {
  const rates: number[] = []
  let broken = 0
  const start = performance.now()
  while (rates.length < times && broken === 0 && performance.now() - start < enough) {
    const done = await go()
    rates.push(sum(done.map(({ bytes }) => bytes)) / Math.max(...done.map(({ seconds }) => seconds)))
    broken += done.filter(({ isWhole }) => !isWhole).length
  }
  return { rate: median(rates), broken }
}

function forEachQuantity<Value>(give: (of: (sample: Sample) => number) => Value): Record<QuantityName, Value> {
  return Object.fromEntries(Object.entries(quantities).map(([name, { of }]) => [name, give(of)])) as Record<
    QuantityName,
    Value
  >
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
