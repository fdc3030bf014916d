/**
 * Runs the text that is passed to iptables' `--bytecode` on a packet, as Documentation/networking/filter.rst describes
 * it. It is written from that document with plain opcode numbers, and without a look at the assembler, so that a
 * mistake there is not repeated here.
 */

/** One parsed instruction; the fields have the widths of `struct sock_filter`. */
export interface BpfInstruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/**
 * What the program returns for the packet: 0 is "no match", and so is every load past the end of the packet.
 * Throws on text, opcodes and jumps the kernel would have refused when the rule was added.
 */
export function runBytecode(bytecode: string, packet: Uint8Array): number {
  return run(parseBytecode(bytecode), packet)
}

/** Parses `N,code jt jf k,…`; throws unless there are exactly N instructions with fields in range. */
export function parseBytecode(bytecode: string): readonly BpfInstruction[] {
  const [count, ...lines] = bytecode.split(',')
  if (Number(count) !== lines.length) throw new Error(`${count} instructions announced, ${lines.length} found`)
  return lines.map((line) => {
    const fields = /^(\d+) (\d+) (\d+) (\d+)$/.exec(line)?.slice(1).map(Number)
    const [code = -1, jt = -1, jf = -1, k = -1] = fields ?? []
    if (fields === undefined || code > 0xffff || jt > 0xff || jf > 0xff || k > 0xffffffff)
      throw new Error(`not an instruction: "${line}"`)
    return { code, jt, jf, k }
  })
}

/** As {@link runBytecode}, for a program that is already parsed. */
export function run(program: readonly BpfInstruction[], packet: Uint8Array): number {
  let a = 0
  let x = 0
  const memory = new Map<number, number>()
  for (let pc = 0; ; pc += 1) {
    const instruction = program[pc]
    if (instruction === undefined) throw new Error(`no instruction ${pc}`)
    const { code, jt, jf, k } = instruction
    const loaded = load(code, k, x, packet)
    if (loaded === 'past the end') return 0
    if (loaded !== 'no load') a = loaded
    else if (code === 0x80)
      a = packet.length // ld #len
    else if (code === 0xb1) {
      // ldx 4*([k]&0xf)
      const byte = packet[k]
      if (byte === undefined) return 0
      x = 4 * (byte % 16)
    } else if (code === 0x02)
      memory.set(k, a) // st M[k]
    else if (code === 0x61) {
      // ldx M[k]
      const word = memory.get(k)
      if (word === undefined || k > 15) throw new Error(`M[${k}] is not stored`)
      x = word
    } else if (code === 0x1d) pc += a === x ? jt : jf
    else if (code === 0x04) a = wrap(a + k)
    else if (code === 0x0c) a = wrap(a + x)
    else if (code === 0x14) a = wrap(a - k)
    else if (code === 0x1c) a = wrap(a - x)
    else if (code === 0x54) a = wrap(a & k)
    else if (code === 0x5c) a = wrap(a & x)
    else if (code === 0x74 || code === 0x7c) {
      const distance = code === 0x74 ? k : x
      if (distance > 31) throw new Error(`shift by ${distance}`)
      a = a >>> distance
    } else if (code === 0x15) pc += a === k ? jt : jf
    else if (code === 0x35) pc += a >= k ? jt : jf
    else if (code === 0x07) x = a
    else if (code === 0x87) a = x
    else if (code === 0x06) return k
    else throw new Error(`unknown opcode 0x${code.toString(16)}`)
  }
}

/** ld, ldh and ldb, from [k] (0x20, 0x28, 0x30) and from [x + k] (0x40, 0x48, 0x50). */
function load(code: number, k: number, x: number, packet: Uint8Array): number | 'past the end' | 'no load' {
  const width = WIDTHS.get(code)
  if (width === undefined) return 'no load'
  const start = code >= 0x40 ? wrap(x + k) : k
  if (start + width > packet.length) return 'past the end'
  return packet.subarray(start, start + width).reduce((number, byte) => number * 256 + byte, 0)
}

const WIDTHS: ReadonlyMap<number, number> = new Map([
  [0x20, 4],
  [0x40, 4],
  [0x28, 2],
  [0x48, 2],
  [0x30, 1],
  [0x50, 1],
])

function wrap(number: number): number {
  return number >>> 0
}
