/** The C library through koffi: the few system calls Node has no word for. The only file that knows koffi. */
import { Failure } from '../failure.js'

/** Each call gives its result, or -1; then `errno()` tells why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number
  sendto(fd: number, bytes: Uint8Array, length: number, flags: number, address: Uint8Array, addressLength: number): number
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number
  flock(fd: number, operation: number): number
  prctl(operation: number, second: number, third: number, fourth: number, fifth: number): number
  capset(header: Uint8Array, data: Uint8Array): number
  close(fd: number): number
  errno(): number
}

let loaded: Promise<Libc> | undefined

/** @throws Failure `native-module` */
export function loadLibc(): Promise<Libc> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<Libc> {
  try {
    const { default: koffi } = await import('koffi')
    // The process has it loaded already: no file name to guess, so musl does as well as glibc.
    const libc = koffi.load(null)
    return {
      socket: libc.func('int socket(int, int, int)') as Libc['socket'],
      bind: libc.func('int bind(int, const void *, uint32_t)') as Libc['bind'],
      setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint32_t)') as Libc['setsockopt'],
      sendto: libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)') as Libc['sendto'],
      getsockopt: libc.func('int getsockopt(int, int, int, _Out_ void *, _Inout_ void *)') as Libc['getsockopt'],
      prctl: libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)') as Libc['prctl'],
      capset: libc.func('int capset(void *, const void *)') as Libc['capset'],
      flock: libc.func('int flock(int, int)') as Libc['flock'],
      close: libc.func('int close(int)') as Libc['close'],
      errno: () => koffi.errno(),
    }
  } catch (cause) {
    throw new Failure('native-module', `the package koffi cannot be loaded by this Node (${(cause as Error).message})`, { cause })
  }
}
