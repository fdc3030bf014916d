/** Loads the two packages with machine code, as a responder's start does. */
import { loadLibc } from '../../kernel/libc.js'
import { loadNfqueue } from '../../kernel/queue.js'

/** What a Node reports of itself. */
export interface ModulesReport {
  readonly execPath: string
  readonly version: string
  /** Why a package cannot be loaded; empty when all is well. */
  readonly refusals: readonly string[]
}

/** Returns the report of the Node that runs this. */
export async function readModules(): Promise<ModulesReport> {
  const loads = await Promise.allSettled([loadNfqueue(), loadLibc()])
  const refusals = loads.flatMap((load) =>
    load.status === 'rejected' ? [load.reason instanceof Error ? load.reason.message : String(load.reason)] : [],
  )
  return { execPath: process.execPath, version: process.version, refusals }
}
