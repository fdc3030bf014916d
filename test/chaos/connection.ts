/** A TCP connection of the kernel that waits for nothing: others go on while it connects over a bad cable. */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Namespace } from '../../src/lab/lab.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import * as at from '../scenarios/namespace-socket.js'

/**
 * How a connection came to its end. `reset` is any error of the kernel's but `refused`; `silence` is none within the
 * patience.
 */
export interface Ending {
  readonly how: 'closed' | 'reset' | 'refused' | 'silence'
  /** Everything received, a character for a byte. */
  readonly received: string
}

export interface Connection {
  readonly port: number
  /** Hands over everything that comes from now on, a character for a byte. */
  hears(listener: (text: string) => void): void
  /**
   * Resolves once the kernel has the bytes, which is not before it is connected; false when it never comes to that
   * within the patience.
   */
  write(bytes: string): Promise<boolean>
  /** Resolves once the other side's kernel has all that was written, or this never comes to pass. */
  acknowledged(patience: number): Promise<void>
  /** Resolves once so much has come, or the connection has ended, or the patience. */
  receives(length: number, patience: number): Promise<string>
  /** Closes our direction. */
  halfClose(): void
  reset(): void
  close(): void
  /** The other side's end of it; our own direction stays open. */
  ended(patience: number): Promise<Ending>
}

const SOCK_NONBLOCK = 0o4000
const EINPROGRESS = 115

/** Starts to connect to a port, 80 unless said. `patience` in milliseconds, for each write. */
export function connect(namespace: Namespace, from: string, to: string, patience: number, port = 80): Connection {
  const fd = connecting(namespace, from, to, port)
  const socket = new Socket({ fd, allowHalfOpen: true })
  socket.setNoDelay(true).setEncoding('latin1')
  let received = ''
  let how: Ending['how'] | undefined
  socket.on('data', (text: string) => (received += text))
  const end = new Promise<void>((resolve) => {
    const settle = (as: Ending['how']) => {
      how ??= as
      resolve()
    }
    socket.once('end', () => settle('closed'))
    socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code === 'ECONNREFUSED' ? 'refused' : 'reset'))
    socket.once('close', () => settle('closed'))
  })
  return {
    port: socket.localPort ?? 0,
    hears: (listener) => void socket.on('data', listener),
    write: (bytes) =>
      within(patience, false, new Promise((resolve) => void socket.write(bytes, 'latin1', (error) => resolve(!error)))),
    // Once the socket is closed its number may be another's.
    acknowledged: (limit) =>
      waitUntil(() => socket.destroyed || how !== undefined || at.unacknowledged(fd) === 0, '', limit).catch(
        () => undefined,
      ),
    receives: async (length, limit) => {
      await waitUntil(() => how !== undefined || received.length >= length, '', limit).catch(() => undefined)
      return received
    },
    halfClose: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    close: () => void socket.destroy(),
    ended: async (limit) => {
      await within(limit, undefined, end)
      return { how: how ?? 'silence', received }
    },
  }
}

function connecting(namespace: Namespace, from: string, to: string, port: number): number {
  const fd = at.socketIn(namespace, to.includes(':') ? at.AF_INET6 : at.AF_INET, at.SOCK_STREAM | SOCK_NONBLOCK)
  try {
    at.bindTo(fd, at.internetAddress(from, 0))
    at.connectTo(fd, at.internetAddress(to, port))
  } catch (error) {
    if (error instanceof Error && error.message === `connect: errno ${EINPROGRESS}`) return fd
    closeSync(fd)
    throw error
  }
  return fd
}

/** Returns the value of the promise, or the other value when it takes longer. */
export async function within<Value>(limit: number, otherwise: Value, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Value>((resolve) => (timer = setTimeout(() => resolve(otherwise), limit)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
