/**
 * A system call filter (seccomp(2)) that keeps a process from typing into its terminal. Whoever takes over a process
 * that a shell has started could otherwise give that shell commands, with the shell's rights (TIOCSTI of
 * ioctl_tty(2)). Linux has a switch for it since 6.2, `dev.tty.legacy_tiocsti`, which not every host has off.
 */
import { endianness } from 'node:os'

/** Classic BPF, from linux/bpf_common.h: load a word, jump if equal, jump if not less, return. */
const LOAD = 0x20
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_NOT_LESS = 0x35
const RETURN = 0x06

/** From linux/seccomp.h; EPERM is 1. */
const ALLOW = 0x7fff_0000
const DENY = 0x0005_0001

/** Offsets in struct seccomp_data, and the low half of its second argument. */
const NUMBER = 0
const ARCHITECTURE = 4
const REQUEST = endianness() === 'LE' ? 24 : 28

/** Puts a byte into the input, and pastes a selection of a console there. The same on both machines below. */
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c

/** AUDIT_ARCH of linux/audit.h, and the number of ioctl(2). */
const MACHINES: Readonly<Record<string, { readonly architecture: number; readonly ioctl: number }>> = {
  x64: { architecture: 0xc000_003e, ioctl: 16 },
  arm64: { architecture: 0xc000_00b7, ioctl: 29 },
}

/** Numbers from here on are those of x32, another way to make the same calls. */
const X32 = 0x4000_0000

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

/**
 * Returns the filter for a machine as Node names it: those two requests fail with EPERM, and so does every system call
 * of another machine's (32-bit programs), while all others pass. Where the numbers are not known, all pass.
 */
export function terminalFilter(machine: string = process.arch): { readonly bytes: Uint8Array; readonly count: number } {
  const known = MACHINES[machine]
  if (!known) return encode([[RETURN, 0, 0, ALLOW]])
  return encode([
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 0, 7, known.architecture],
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_NOT_LESS, 5, 0, X32],
    [JUMP_IF_EQUAL, 0, 3, known.ioctl],
    [LOAD, 0, 0, REQUEST],
    [JUMP_IF_EQUAL, 2, 0, TIOCSTI],
    [JUMP_IF_EQUAL, 1, 0, TIOCLINUX],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, DENY],
  ])
}

/** struct sock_filter: code (16 bits), two jumps (8 bits each), value (32 bits), in the machine's own order. */
function encode(instructions: readonly Instruction[]): { bytes: Uint8Array; count: number } {
  const bytes = new Uint8Array(instructions.length * 8)
  const view = new DataView(bytes.buffer)
  const isLittleEndian = endianness() === 'LE'
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    view.setUint16(8 * index, code, isLittleEndian)
    view.setUint8(8 * index + 2, ifTrue)
    view.setUint8(8 * index + 3, ifFalse)
    view.setUint32(8 * index + 4, value, isLittleEndian)
  }
  return { bytes, count: instructions.length }
}
