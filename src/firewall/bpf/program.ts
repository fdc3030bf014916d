/**
 * A classic BPF assembler, as large as the candidate program needs. Names and codes are those of linux/bpf_common.h and
 * Documentation/networking/filter.rst: A is the accumulator, X the index register, k the constant of an instruction.
 */

/** The most instructions iptables' `-m bpf --bytecode` takes: XT_BPF_MAX_NUM_INSTR of linux/netfilter/xt_bpf.h. */
export const MAX_INSTRUCTIONS = 64

/** A program as it is written: instructions in order, and labels that name the instruction after them. */
export type Program = readonly Statement[]

/** One line of a program: an instruction, or a label for jumps that come before it. */
export type Statement = Label | Instruction

/** One instruction as the kernel stores it (`struct sock_filter`): 16-bit code, jump offsets of 8 bits, 32-bit k. */
export interface EncodedInstruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/** How many bytes a load takes from the packet, big-endian: 4, 2 or 1. */
export type LoadSize = 'word' | 'half' | 'byte'

/** Where a jump goes: the name of a label further down, or `next` for the following instruction. */
export type Target = string

interface Label {
  readonly kind: 'label'
  readonly name: string
}

interface Instruction {
  readonly kind: 'instruction'
  readonly code: number
  readonly k: number
  readonly ifTrue: Target
  readonly ifFalse: Target
}

/**
 * Returns the text that `iptables -m bpf --bytecode` takes: the number of instructions, then `code jt jf k` for each,
 * joined by commas. Throws what {@link assemble} throws.
 */
export function toBytecode(program: Program): string {
  const encoded = assemble(program)
  return [encoded.length, ...encoded.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`)].join(',')
}

/**
 * Turns labels into jump offsets. A program that cannot be encoded is a mistake of its author and throws: a label that
 * is unknown, defined twice, called `next`, behind the jump, more than 255 instructions away or at the very end; a k
 * outside 32 bits more than {@link MAX_INSTRUCTIONS} instructions.
 */
export function assemble(program: Program): readonly EncodedInstruction[] {
  const instructions = program.filter((statement) => statement.kind === 'instruction')
  const places = placesOfLabels(program)
  const encoded = instructions.map(({ code, k, ifTrue, ifFalse }, place) => {
    if (!Number.isInteger(k) || k < 0 || k > 0xffffffff)
      throw new RangeError(`k of instruction ${place} is not an unsigned 32-bit number: ${k}`)
    return { code, jt: jumpOffset(places, place, ifTrue), jf: jumpOffset(places, place, ifFalse), k }
  })
  if (encoded.length > MAX_INSTRUCTIONS)
    throw new RangeError(`${encoded.length} instructions, but xt_bpf takes at most ${MAX_INSTRUCTIONS}`)
  return encoded
}

function placesOfLabels(program: Program): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  let place = 0
  for (const statement of program) {
    if (statement.kind === 'instruction') place += 1
    else if (statement.name === 'next' || places.has(statement.name))
      throw new Error(`label "${statement.name}" is already taken`)
    else places.set(statement.name, place)
  }
  for (const [name, labelled] of places) {
    if (labelled === place) throw new Error(`label "${name}" names no instruction: it stands at the end`)
  }
  return places
}

function jumpOffset(places: ReadonlyMap<string, number>, from: number, target: Target): number {
  if (target === 'next') return 0
  const to = places.get(target)
  if (to === undefined) throw new Error(`unknown label "${target}"`)
  const offset = to - from - 1
  // The kernel allows no backward jumps, so every program ends.
  if (offset < 0) throw new RangeError(`label "${target}" is behind the jump at instruction ${from}`)
  if (offset > 255) throw new RangeError(`label "${target}" is ${offset} instructions away, a jump reaches 255`)
  return offset
}

/** Names the instruction that follows, for jumps that come before it. */
export function label(name: string): Statement {
  return { kind: 'label', name }
}

/** A = the bytes at k from the start of the IP header. Past the end of the packet the program ends and returns 0. */
export function ld(size: LoadSize, k: number): Statement {
  return instruction(LD | ABS | SIZES[size], k)
}

/**
 * A = the bytes at X + k from the start of the IP header. Past the end of the packet the program ends and returns 0.
 */
export function ldIndirect(size: LoadSize, k: number): Statement {
  return instruction(LD | IND | SIZES[size], k)
}

/** A = the length of the packet in bytes, IP header included. */
export function ldLength(): Statement {
  return instruction(LD | LEN, 0)
}

/** X = 4 * (the low four bits of the byte at k): with k = 0 the length of an IPv4 header. */
export function ldxMsh(k: number): Statement {
  return instruction(LDX | MSH | SIZES.byte, k)
}

/** A = A op operand, modulo 2^32; the operand is a constant or the register X. */
export function alu(op: 'add' | 'sub' | 'and' | 'rsh', operand: number | 'x'): Statement {
  return operand === 'x' ? instruction(ALU | ALU_OPS[op] | FROM_X, 0) : instruction(ALU | ALU_OPS[op], operand)
}

/** M[k] = A. There are 16 such words. */
export function store(k: number): Statement {
  return instruction(ST, k)
}

/** X = M[k], which has to be stored before. */
export function ldxStored(k: number): Statement {
  return instruction(LDX | MEM, k)
}

/** Compares A with X and jumps. */
export function jumpEqualX(ifTrue: Target, ifFalse: Target): Statement {
  return { kind: 'instruction', code: JMP | JUMP_TESTS.eq | FROM_X, k: 0, ifTrue, ifFalse }
}

/** Compares A with k, unsigned, and jumps: `eq` is A = k, `ge` is A >= k. */
export function jump(test: 'eq' | 'ge', k: number, ifTrue: Target, ifFalse: Target): Statement {
  return { kind: 'instruction', code: JMP | JUMP_TESTS[test], k, ifTrue, ifFalse }
}

/** X = A. */
export function tax(): Statement {
  return instruction(MISC | TAX, 0)
}

/** A = X. */
export function txa(): Statement {
  return instruction(MISC | TXA, 0)
}

/** Ends the program. With iptables, zero means that the packet does not match, anything else that it does. */
export function ret(k: number): Statement {
  return instruction(RET, k)
}

function instruction(code: number, k: number): Statement {
  return { kind: 'instruction', code, k, ifTrue: 'next', ifFalse: 'next' }
}

// The low three bits of a code are its class; for loads come size and mode, for ALU and jumps the operation and BPF_X.
const LD = 0x00
const LDX = 0x01
const ST = 0x02
const ALU = 0x04
const JMP = 0x05
const RET = 0x06
const MISC = 0x07
const ABS = 0x20
const IND = 0x40
const MEM = 0x60
const LEN = 0x80
const MSH = 0xa0
const FROM_X = 0x08
const TAX = 0x00
const TXA = 0x80
const SIZES = { word: 0x00, half: 0x08, byte: 0x10 } as const
const ALU_OPS = { add: 0x00, sub: 0x10, and: 0x50, rsh: 0x70 } as const
const JUMP_TESTS = { eq: 0x10, ge: 0x30 } as const
