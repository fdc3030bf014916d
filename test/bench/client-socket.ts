/** A client of blocking system calls in a lab's namespace, so that the other side is measured, and no event loop. */
import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'
import type { Namespace } from '../../src/lab/lab.js'
import * as at from '../scenarios/namespace-socket.js'

/** Where to, and from which of the namespace's addresses. */
export interface Target {
  readonly address: string
  readonly port: number
  readonly from?: string
}

/** What one connection brought. */
export interface Exchange {
  /** From before connect(2) until the other side has closed. */
  readonly milliseconds: number
  /** A character for a byte; what came before a reset or the time limit. */
  readonly reply: string
  /** How it ended: the other side closed, or said nothing for too long, or the name of the error. */
  readonly ending: string
}

type Transfer = (fd: number, bytes: Uint8Array, length: number, flags: number) => number
type Settle = (error: Error | null, result: number) => void
type AsyncTransfer = Transfer & {
  async(fd: number, bytes: Uint8Array, length: number, flags: number, settle: Settle): void
}

const MSG_NOSIGNAL = 0x4000
const MSG_WAITALL = 0x100
const replyLength = 64 * 1024
const pieceLength = 1024 * 1024

const library = koffi.load(null)
const send = library.func('intptr_t send(int, const void *, size_t, int)') as AsyncTransfer
const recv = library.func('intptr_t recv(int, void *, size_t, int)') as AsyncTransfer

/**
 * Connects, sends and reads to the end; silence for `patience` milliseconds ends it too. Nothing else runs meanwhile.
 */
export function exchange(namespace: Namespace, target: Target, request: string, patience = 5_000): Exchange {
  const bytes = Buffer.from(request, 'latin1')
  const buffer = Buffer.alloc(replyLength)
  const fd = open(namespace, target, patience)
  try {
    const start = performance.now()
    at.connectTo(fd, at.internetAddress(target.address, target.port))
    send(fd, bytes, bytes.length, MSG_NOSIGNAL)
    let length = 0
    let got = 1
    for (; got > 0 && length < replyLength; length += Math.max(got, 0))
      got = at.untilDone(() => recv(fd, buffer.subarray(length), replyLength - length, 0))
    const ending = got >= 0 ? 'closed' : nameOfError()
    return { milliseconds: performance.now() - start, reply: buffer.toString('latin1', 0, length), ending }
  } finally {
    closeSync(fd)
  }
}

function nameOfError(): string {
  const name = getSystemErrorName(-koffi.errno())
  return name === 'EAGAIN' ? 'silent' : name
}

/** What became of a long body. */
export interface TransferResult {
  readonly bytes: number
  readonly seconds: number
  /** All of it went through within the time limit. */
  readonly isWhole: boolean
}

/**
 * Reads a whole reply, `length` bytes of body at least, by threads of their own; `patience` is in milliseconds for all
 * of it.
 */
export async function download(
  namespace: Namespace,
  target: Target,
  request: string,
  length: number,
  patience: number,
): Promise<TransferResult> {
  const piece = Buffer.alloc(pieceLength)
  const fd = open(namespace, target, patience)
  try {
    const start = performance.now()
    at.connectTo(fd, at.internetAddress(target.address, target.port))
    send(fd, Buffer.from(request, 'latin1'), request.length, MSG_NOSIGNAL)
    let bytes = 0
    for (let got = 1; got > 0 && performance.now() - start < patience; bytes += Math.max(got, 0))
      got = await inThread(recv, fd, piece, MSG_WAITALL)
    return { bytes, seconds: (performance.now() - start) / 1000, isWhole: bytes >= length }
  } finally {
    closeSync(fd)
  }
}

/**
 * Sends head and body and waits for the reply, which has to be a 200; several of these can run at once. `patience` as
 * above.
 */
export async function upload(
  namespace: Namespace,
  target: Target,
  head: string,
  body: Uint8Array,
  patience: number,
): Promise<TransferResult> {
  const reply = Buffer.alloc(1024)
  const fd = open(namespace, target, patience)
  try {
    const start = performance.now()
    at.connectTo(fd, at.internetAddress(target.address, target.port))
    at.setOption(fd, at.SOL_SOCKET, at.SO_SNDTIMEO, patience)
    send(fd, Buffer.from(head, 'latin1'), head.length, MSG_NOSIGNAL)
    const bytes = Math.max(0, await inThread(send, fd, body, MSG_NOSIGNAL))
    if (bytes === body.length) await inThread(recv, fd, reply, 0)
    return {
      bytes,
      seconds: (performance.now() - start) / 1000,
      isWhole: reply.toString('latin1').startsWith('HTTP/1.1 200 '),
    }
  } finally {
    closeSync(fd)
  }
}

function open(namespace: Namespace, { from }: Target, patience: number): number {
  const fd = at.socketIn(namespace, at.AF_INET, at.SOCK_STREAM)
  at.setOption(fd, at.SOL_SOCKET, at.SO_RCVTIMEO, patience)
  if (from !== undefined) at.bindTo(fd, at.internetAddress(from, 0))
  return fd
}

/** Makes a call on a thread of koffi's. Returns -1 when it fails, after the time limit too. */
function inThread(call: AsyncTransfer, fd: number, bytes: Uint8Array, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(fd, bytes, bytes.length, flags, (error, result) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}
