import t from 'tap'
import {
  alu,
  assemble,
  jump,
  label,
  ld,
  ldIndirect,
  ldLength,
  ldxMsh,
  ret,
  tax,
  toBytecode,
  txa,
} from '../../../src/firewall/bpf/program.js'
import type { Program, Statement } from '../../../src/firewall/bpf/program.js'
import { parseBytecode, runBytecode } from './bpf-interpreter.js'

// From linux/bpf_common.h, spelt out: class | size | mode for loads, class | operation | source for the rest.
const encodings: readonly (readonly [string, Statement, number, number])[] = [
  ['ld [k]', ld('word', 6), 0x00 | 0x00 | 0x20, 6],
  ['ldh [k]', ld('half', 2), 0x00 | 0x08 | 0x20, 2],
  ['ldb [k]', ld('byte', 9), 0x00 | 0x10 | 0x20, 9],
  ['ld [x + k]', ldIndirect('word', 4), 0x00 | 0x00 | 0x40, 4],
  ['ldh [x + k]', ldIndirect('half', 4), 0x00 | 0x08 | 0x40, 4],
  ['ldb [x + k]', ldIndirect('byte', 4), 0x00 | 0x10 | 0x40, 4],
  ['ld #len', ldLength(), 0x00 | 0x80, 0],
  ['ldx 4*([k]&0xf)', ldxMsh(0), 0x01 | 0x10 | 0xa0, 0],
  ['add #k', alu('add', 40), 0x04 | 0x00, 40],
  ['add x', alu('add', 'x'), 0x04 | 0x00 | 0x08, 0],
  ['sub #k', alu('sub', 1), 0x04 | 0x10, 1],
  ['sub x', alu('sub', 'x'), 0x04 | 0x10 | 0x08, 0],
  ['and #k', alu('and', 0xf0), 0x04 | 0x50, 0xf0],
  ['and x', alu('and', 'x'), 0x04 | 0x50 | 0x08, 0],
  ['rsh #k', alu('rsh', 2), 0x04 | 0x70, 2],
  ['rsh x', alu('rsh', 'x'), 0x04 | 0x70 | 0x08, 0],
  ['jeq #k', jump('eq', 6, 'next', 'next'), 0x05 | 0x10, 6],
  ['jge #k', jump('ge', 4, 'next', 'next'), 0x05 | 0x30, 4],
  ['tax', tax(), 0x07 | 0x00, 0],
  ['txa', txa(), 0x07 | 0x80, 0],
  ['ret #k', ret(0xffffffff), 0x06, 0xffffffff],
]

t.test('every instruction has the code the kernel headers give it', async (t) => {
  for (const [name, statement, code, k] of encodings) t.same(assemble([statement]), [{ code, jt: 0, jf: 0, k }], name)
})

t.test('a label becomes the number of instructions a jump leaves out', async (t) => {
  const program: Program = [ld('byte', 9), jump('eq', 6, 'yes', 'no'), label('no'), ret(0), label('yes'), ret(1)]
  t.equal(toBytecode(program), '4,48 0 0 9,21 1 0 6,6 0 0 0,6 0 0 1')
  t.equal(toBytecode([jump('ge', 1, 'next', 'end'), ret(1), label('end'), ret(0)]), '3,53 0 1 1,6 0 0 1,6 0 0 0')
})

t.test('a program that cannot be encoded is refused', async (t) => {
  const filler = (length: number) => Array.from({ length }, () => ret(0))
  const refused: readonly (readonly [string, Program, RegExp])[] = [
    ['an unknown label', [jump('eq', 1, 'nowhere', 'next'), ret(0)], /unknown label "nowhere"/],
    ['a jump backwards', [label('start'), ret(0), jump('eq', 1, 'next', 'start'), ret(0)], /label "start" is behind/],
    [
      'a jump of more than 255',
      [jump('eq', 1, 'far', 'next'), ...filler(256), label('far'), ret(0)],
      /"far" is 256 instructions away/,
    ],
    ['a label defined twice', [label('here'), ret(0), label('here'), ret(0)], /label "here" is already taken/],
    ['a label called next', [label('next'), ret(0)], /label "next" is already taken/],
    ['a label at the end', [ret(0), label('end')], /label "end" names no instruction/],
    ['a negative k', [ret(-1)], /not an unsigned 32-bit number: -1/],
    ['a k of 33 bits', [ret(2 ** 32)], /not an unsigned 32-bit number/],
    ['a fractional k', [ret(0.5)], /not an unsigned 32-bit number/],
    ['65 instructions', filler(65), /65 instructions, but xt_bpf takes at most 64/],
  ]
  for (const [name, program, message] of refused) t.throws(() => assemble(program), { message }, name)
  t.equal(assemble(filler(64)).length, 64, '64 instructions fit')
})

const packet = Uint8Array.from([0x45, 0xff, 0x80, 0x01, 0xfe])
const runs: readonly (readonly [string, string, number])[] = [
  ['the program decides', '1,6 0 0 7', 7],
  ['a word is big-endian, unsigned and ends at the last byte', '4,32 0 0 1,21 0 1 4286579198,6 0 0 1,6 0 0 0', 1],
  ['a half word ends at the last byte', '4,40 0 0 3,21 0 1 510,6 0 0 1,6 0 0 0', 1],
  ['a byte is the last one', '4,48 0 0 4,21 0 1 254,6 0 0 1,6 0 0 0', 1],
  ['a word past the end returns 0', '2,32 0 0 2,6 0 0 1', 0],
  ['a half word past the end returns 0', '2,40 0 0 4,6 0 0 1', 0],
  ['a byte past the end returns 0', '2,48 0 0 5,6 0 0 1', 0],
  ['the header length is four times the low nibble', '5,177 0 0 0,135 0 0 0,21 0 1 20,6 0 0 1,6 0 0 0', 1],
  ['a header length past the end returns 0', '2,177 0 0 5,6 0 0 1', 0],
  ['an indirect load adds X', '6,128 0 0 0,20 0 0 2,7 0 0 0,80 0 0 1,21 0 1 254,6 0 0 1', 1],
  ['an indirect load past the end returns 0', '4,128 0 0 0,7 0 0 0,80 0 0 0,6 0 0 1', 0],
  ['subtraction wraps at 32 bits', '5,128 0 0 0,20 0 0 6,21 0 1 4294967295,6 0 0 1,6 0 0 0', 1],
  ['addition wraps at 32 bits', '5,128 0 0 0,4 0 0 4294967295,21 0 1 4,6 0 0 1,6 0 0 0', 1],
  ['a mask keeps the highest bit', '5,32 0 0 1,84 0 0 2147483648,21 0 1 2147483648,6 0 0 1,6 0 0 0', 1],
  ['a shift to the right brings in zeros', '5,32 0 0 1,116 0 0 31,21 0 1 1,6 0 0 1,6 0 0 0', 1],
  [
    'sums, differences, masks and shifts take X',
    '9,128 0 0 0,7 0 0 0,12 0 0 0,28 0 0 0,92 0 0 0,124 0 0 0,21 0 1 0,6 0 0 1,6 0 0 0',
    1,
  ],
  ['at least is unsigned and takes equality', '5,32 0 0 1,53 0 1 4286579198,53 0 1 4286579199,6 0 0 2,6 0 0 1', 1],
]

t.test('the interpreter does what filter.rst says', async (t) => {
  for (const [name, bytecode, expected] of runs) t.equal(runBytecode(bytecode, packet), expected, name)
})

t.test('the interpreter refuses what the kernel would refuse', async (t) => {
  t.throws(() => parseBytecode('2,6 0 0 0'), { message: '2 instructions announced, 1 found' })
  t.throws(() => parseBytecode('1,6 0 0'), { message: 'not an instruction: "6 0 0"' })
  t.throws(() => parseBytecode('1,21 256 0 0'), { message: 'not an instruction: "21 256 0 0"' })
  t.throws(() => parseBytecode('1,6 0 0 4294967296'), { message: 'not an instruction: "6 0 0 4294967296"' })
  t.throws(() => runBytecode('1,255 0 0 0', packet), { message: 'unknown opcode 0xff' })
  t.throws(() => runBytecode('1,21 0 0 0', packet), { message: 'no instruction 1' })
})
