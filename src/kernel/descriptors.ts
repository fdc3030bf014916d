/**
 * Descriptors that a program would inherit besides its three standard streams: those that are not close-on-exec
 * (open(2)).
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { shortage } from '../failure.js'
import type { Libc } from './libc.js'

/** FIOCLEX of ioctl(2). */
const FIOCLEX = 0x5451

/** The bit of close-on-exec in /proc/self/fdinfo. */
const O_CLOEXEC = 0o2000000

/**
 * Makes every open descriptor close-on-exec. Node does that for what it opens itself; packages with machine code mostly
 * do not.
 */
export function keepDescriptors(libc: Libc): void {
  for (const fd of inheritedDescriptors()) libc.ioctl(fd, FIOCLEX, new Uint8Array())
}

/**
 * The descriptors that starting a program takes: a pair for each stream, one for its failure, and those that find the
 * program.
 */
const FOR_A_PROGRAM = 12

/**
 * Checks that this many more files can be opened, by default as many as it takes to start a program. Node reports a
 * lack of descriptors there in two ways at once, and one of them cannot be caught.
 * @throws Failure `too-few-descriptors`
 */
export function requireDescriptors(count = FOR_A_PROGRAM): void {
  const opened: number[] = []
  try {
    while (opened.length < count) opened.push(openSync('/', 'r'))
  } catch (cause) {
    throw shortage(`this process can open no ${count} more files: ${(cause as Error).message}`, cause) ?? cause
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

/**
 * Closes the descriptors that this process inherited beyond its standard streams. They are its parent's, and of no use
 * here. To be called before a package with machine code is loaded.
 */
export function closeGivenDescriptors(): void {
  for (const fd of inheritedDescriptors()) closeSync(fd)
}

function inheritedDescriptors(): number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((fd) => fd > 2 && !isCloseOnExec(fd))
}

/**
 * Returns whether the descriptor is close-on-exec. That is also true of the one that listed the directory, which is
 * closed by now.
 */
function isCloseOnExec(fd: number): boolean {
  try {
    const [, flags = '0'] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? []
    return (parseInt(flags, 8) & O_CLOEXEC) !== 0
  } catch {
    return true
  }
}
