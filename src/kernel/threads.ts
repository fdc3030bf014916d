/** Reads the rights of each thread of this process (proc(5), /proc/self/task). */
import { readdirSync, readFileSync } from 'node:fs'
import { Failure } from '../failure.js'

/** The rights of one thread. */
export interface ThreadRights {
  readonly id: number
  /** `iou-sqp-…` is one that the kernel runs for io_uring. */
  readonly name: string
  /** Real, effective, saved, and of the file system. */
  readonly uids: readonly number[]
  readonly gids: readonly number[]
  /** Supplementary ones. */
  readonly groups: readonly number[]
  /** The effective set, one bit for each capability. */
  readonly effective: bigint
  readonly permitted: bigint
  readonly hasNoNewPrivileges: boolean
}

/**
 * Reads the rights of all threads. A thread that ends meanwhile is left out.
 * @throws Failure `root-kept` where they cannot be read
 */
export function readThreads(): ThreadRights[] {
  try {
    return readdirSync('/proc/self/task').flatMap((id) => {
      const status = readStatus(id)
      return status === undefined ? [] : [parseThread(Number(id), status)]
    })
  } catch (cause) {
    throw new Failure(
      'root-kept',
      `cannot give root up: what threads may do cannot be read (${(cause as Error).message})`,
      { cause },
    )
  }
}

function readStatus(id: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${id}/status`, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** Returns whether this process certainly lacks a capability (capabilities(7)). */
export function lacksCapability(capability: number): boolean {
  try {
    return readThreads().some(
      ({ id, effective }) => id === process.pid && ((effective >> BigInt(capability)) & 1n) === 0n,
    )
  } catch {
    return false
  }
}

/**
 * Returns in words what a thread has that it should not have; `undefined` when it has the rights of this user and at
 * most these capabilities.
 */
export function excessOf(
  thread: ThreadRights,
  { uid, gid }: { readonly uid: number; readonly gid: number },
  capabilities: bigint,
): string | undefined {
  const { uids, gids, groups, effective, permitted, hasNoNewPrivileges } = thread
  const wrongUid = uids.find((one) => one !== uid)
  if (wrongUid !== undefined || uids.length !== 4) return `has user id ${wrongUid ?? 'unknown'}`
  const wrongGid = gids.find((one) => one !== gid)
  if (wrongGid !== undefined || gids.length !== 4) return `has group id ${wrongGid ?? 'unknown'}`
  if (groups.length > 0) return `has groups ${groups.join(', ')}`
  const excess = (effective | permitted) & ~capabilities
  if (excess !== 0n) return `has capabilities ${excess.toString(16)}`
  if (!hasNoNewPrivileges) return 'may gain privileges'
  return undefined
}

function parseThread(id: number, status: string): ThreadRights {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? ''
  const numbers = (name: string) => field(name).split(/\s+/).filter(Boolean).map(Number)
  return {
    id,
    name: field('Name'),
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    effective: BigInt(`0x${field('CapEff')}`),
    permitted: BigInt(`0x${field('CapPrm')}`),
    // Linux before 4.10 does not tell it. No Node of ours runs there.
    hasNoNewPrivileges: field('NoNewPrivs') === '1',
  }
}
