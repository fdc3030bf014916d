import t from 'tap'
import { terminalFilter } from '../../src/kernel/terminal-filter.js'

const ALLOW = 0x7fff_0000
const REFUSE = 0x0005_0001
const [X86_64, I386, AARCH64] = [0xc000_003e, 0x4000_0003, 0xc000_00b7]
const [TIOCSTI, TIOCGWINSZ, TIOCLINUX] = [0x5412, 0x5413, 0x541c]

/** What the kernel does with such a filter (linux/filter.h), for a system call. */
function answer(machine: string, architecture: number, number: number, second: number): number {
  const { bytes, count } = terminalFilter(machine)
  const [program, call] = [new DataView(bytes.buffer), new DataView(new ArrayBuffer(64))]
  call.setUint32(0, number, true)
  call.setUint32(4, architecture, true)
  call.setUint32(24, second, true)
  let loaded = 0
  for (let at = 0; at < count; at++) {
    const [code, value] = [program.getUint16(8 * at, true), program.getUint32(8 * at + 4, true)]
    const jump = (isTrue: boolean) => (at += program.getUint8(8 * at + (isTrue ? 2 : 3)))
    if (code === 0x20) loaded = call.getUint32(value, true)
    else if (code === 0x15) jump(loaded === value)
    else if (code === 0x35) jump(loaded >= value)
    else if (code === 0x06) return value
    else throw new Error(`code ${code}`)
  }
  throw new Error('no answer')
}

t.test('those two requests of ioctl are refused, and nothing else', (t) => {
  for (const [machine, architecture, ioctl] of [
    ['x64', X86_64, 16],
    ['arm64', AARCH64, 29],
  ] as const) {
    t.equal(answer(machine, architecture, ioctl, TIOCSTI), REFUSE, machine)
    t.equal(answer(machine, architecture, ioctl, TIOCLINUX), REFUSE, machine)
    t.equal(answer(machine, architecture, ioctl, TIOCGWINSZ), ALLOW, machine)
    for (let number = 0; number < 600; number++)
      if (number !== ioctl && answer(machine, architecture, number, TIOCSTI) !== ALLOW) t.fail(`${machine}: ${number}`)
  }
  t.end()
})

t.test('there is no way round it by the calls of another machine', (t) => {
  t.equal(answer('x64', I386, 54, TIOCSTI), REFUSE)
  t.equal(answer('x64', X86_64, 0x4000_0000 + 514, TIOCSTI), REFUSE, 'x32')
  t.equal(answer('arm64', X86_64, 16, TIOCSTI), REFUSE)
  t.end()
})

t.test('where the numbers are not known, all pass', (t) => {
  t.equal(answer('s390x', 0x8000_0016, 54, TIOCSTI), ALLOW)
  t.end()
})
