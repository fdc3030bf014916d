/**
 * The way from a webroot to its challenges, DIRECTORY/.well-known/acme-challenge, as open descriptors. In DIRECTORY no
 * link is followed: each step is opened from the one before. DIRECTORY itself is a path as the administrator gave it.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openEntry } from './challenge-file.js'

/** A directory on the way. */
export interface Step {
  /** A descriptor that only stands for the directory (O_PATH). */
  readonly fd: number
  /** Which directory it is: device and inode. */
  readonly id: string
  /** The name in it that the way goes on with; absent for the last. */
  readonly next?: string
}

/** Why a way ends before its end. */
export type Obstacle = 'missing' | 'link' | 'kind' | 'denied'

/** The way as far as it exists. The first step is above DIRECTORY, so that a change of DIRECTORY is seen too. */
export interface Way {
  readonly steps: readonly Step[]
  /** The descriptor of acme-challenge, when it is there. */
  readonly end?: number
  /** What is in the way otherwise, and at which path. */
  readonly obstacle?: { readonly reason: Obstacle; readonly path: string }
}

const INSIDE = ['.well-known', 'acme-challenge'] as const

const O_PATH = 0o10000000

/** Opens the way. `directory` is an absolute path. Close it with {@link closeWay}. Never throws. */
export function openWay(directory: string): Way {
  const steps: Step[] = []
  const above = openAbove(directory)
  if (above) steps.push(above)
  let path = directory
  let opened = open(() => openSync(directory, O_PATH))
  for (const next of [...INSIDE, undefined]) {
    if (typeof opened === 'string') return { steps, obstacle: { reason: opened, path } }
    const step: Step = { ...opened, ...(next !== undefined && { next }) }
    steps.push(step)
    if (next === undefined) return { steps, end: step.fd }
    path = join(path, next)
    opened = open(() => openEntry(step.fd, next))
  }
  return { steps }
}

/** Closes its descriptors. */
export function closeWay({ steps }: Way): void {
  for (const { fd } of steps) closeSync(fd)
}

/** Returns whether two ways lead through the same directories. */
export function isSameWay(one: Way, other: Way): boolean {
  const ids = ({ steps, obstacle }: Way) =>
    [...steps.map(({ id, next = '' }) => `${id} ${next}`), obstacle?.reason, obstacle?.path].join('\n')
  return ids(one) === ids(other)
}

/** Opens the nearest directory above that exists, if there is one. */
function openAbove(directory: string): Step | undefined {
  for (let path = directory; path !== '/'; path = dirname(path)) {
    const parent = dirname(path)
    const opened = open(() => openSync(parent, O_PATH | constants.O_DIRECTORY))
    if (typeof opened === 'object') return { ...opened, next: path.slice(parent === '/' ? 1 : parent.length + 1) }
  }
  return undefined
}

function open(call: () => number): Step | Obstacle {
  try {
    const fd = call()
    const found = fstatSync(fd, { bigint: true })
    if (found.isDirectory()) return { fd, id: `${found.dev}:${found.ino}` }
    closeSync(fd)
    return found.isSymbolicLink() ? 'link' : 'kind'
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return 'missing'
    return code === 'ENOTDIR' ? 'kind' : code === 'ELOOP' ? 'link' : 'denied'
  }
}
