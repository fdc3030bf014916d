/** The C library through koffi, for the few system calls that Node does not have. No other file uses koffi. */
import { Failure } from '../failure.js'

/** Each call returns its result, or -1. Then `errno()` tells why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  connect(fd: number, address: Uint8Array, length: number): number
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number
  sendto(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number
  /** Reads one datagram into `into`. */
  recv(fd: number, into: Uint8Array, length: number, flags: number): number
  ioctl(fd: number, request: number, value: Uint8Array): number
  /** Waits on another thread. `fds` is an array of struct pollfd. Rejects when the call could not be made. */
  poll(fds: Uint8Array, count: number, milliseconds: number): Promise<number>
  /** SO_ATTACH_FILTER with `count` instructions of struct sock_filter. */
  attachFilter(fd: number, instructions: Uint8Array, count: number): number
  /**
   * seccomp(2): installs a filter of `count` instructions for all threads (TSYNC). They get the caller's no_new_privs
   * with it.
   */
  seccompAllThreads(instructions: Uint8Array, count: number): number
  flock(fd: number, operation: number): number
  /** Takes a record lock (fcntl(2)) on `length` bytes from the descriptor's offset; 0 means to the end. */
  lockf(fd: number, operation: number, length: number): number
  /**
   * Reads names, each followed by a NUL, or a value. Returns the length. With `size` 0 only the length is asked for.
   */
  flistxattr(fd: number, names: Uint8Array, size: number): number
  fgetxattr(fd: number, name: string, value: Uint8Array, size: number): number
  fsetxattr(fd: number, name: string, value: Uint8Array, size: number, flags: number): number
  fremovexattr(fd: number, name: string): number
  prctl(operation: number, second: number, third: number, fourth: number, fifth: number): number
  capset(header: Uint8Array, data: Uint8Array): number
  /** These three change every thread of the process, as POSIX requires. The kernel's own calls change one thread. */
  setgroups(count: number, groups: Uint8Array): number
  setresgid(real: number, effective: number, saved: number): number
  setresuid(real: number, effective: number, saved: number): number
  close(fd: number): number
  errno(): number
}

const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26

/** The C library has no function for seccomp. Where its number is not known, -1 is used, which no call has: ENOSYS. */
const SYS_SECCOMP =
  { x64: 317, arm64: 277, arm: 383, ppc64: 358, s390x: 348, riscv64: 277, loong64: 277 }[process.arch as string] ?? -1
const SECCOMP_SET_MODE_FILTER = 1
const SECCOMP_FILTER_FLAG_TSYNC = 1
/** Without this flag older kernels slow the whole process down, as a measure against Spectre. */
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4

let loaded: Promise<Libc> | undefined

/**
 * Loads the C library, once.
 * @throws Failure `native-module`
 */
export function loadLibc(): Promise<Libc> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<Libc> {
  try {
    const { default: koffi } = await import('koffi')
    // The process has loaded it already. No file name is guessed, so musl works as well as glibc.
    const libc = koffi.load(null)
    const poll = libc.func('int poll(_Inout_ void *, unsigned long, int)')
    // struct sock_fprog of linux/filter.h holds a pointer, which only koffi can give.
    const program = koffi.struct({ length: 'uint16_t', instructions: 'void *' })
    const attachFilter = libc.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(program), 'uint32_t'])
    const seccomp = libc.func('syscall', 'long', ['long', 'unsigned int', 'unsigned int', koffi.pointer(program)])
    return {
      socket: libc.func('int socket(int, int, int)') as Libc['socket'],
      bind: libc.func('int bind(int, const void *, uint32_t)') as Libc['bind'],
      connect: libc.func('int connect(int, const void *, uint32_t)') as Libc['connect'],
      send: libc.func('intptr_t send(int, const void *, size_t, int)') as Libc['send'],
      setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint32_t)') as Libc['setsockopt'],
      sendto: libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)') as Libc['sendto'],
      getsockopt: libc.func('int getsockopt(int, int, int, _Out_ void *, _Inout_ void *)') as Libc['getsockopt'],
      prctl: libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)') as Libc['prctl'],
      capset: libc.func('int capset(void *, const void *)') as Libc['capset'],
      setgroups: libc.func('int setgroups(size_t, const void *)') as Libc['setgroups'],
      setresgid: libc.func('int setresgid(uint32_t, uint32_t, uint32_t)') as Libc['setresgid'],
      setresuid: libc.func('int setresuid(uint32_t, uint32_t, uint32_t)') as Libc['setresuid'],
      recv: libc.func('intptr_t recv(int, _Out_ void *, size_t, int)') as Libc['recv'],
      ioctl: libc.func('int ioctl(int, unsigned long, _Inout_ void *)') as Libc['ioctl'],
      poll: (fds, count, milliseconds) =>
        new Promise((resolve, reject) => {
          poll.async(fds, count, milliseconds, (error: Error | null, result: number) =>
            error ? reject(error) : resolve(result),
          )
        }),
      attachFilter: (fd, instructions, count) =>
        attachFilter(
          fd,
          SOL_SOCKET,
          SO_ATTACH_FILTER,
          { length: count, instructions },
          koffi.sizeof(program),
        ) as number,
      seccompAllThreads: (instructions, count) =>
        seccomp(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, {
          length: count,
          instructions,
        }) as number,
      flock: libc.func('int flock(int, int)') as Libc['flock'],
      lockf: libc.func('int lockf(int, int, intptr_t)') as Libc['lockf'],
      flistxattr: libc.func('intptr_t flistxattr(int, _Out_ void *, size_t)') as Libc['flistxattr'],
      fgetxattr: libc.func('intptr_t fgetxattr(int, const char *, _Out_ void *, size_t)') as Libc['fgetxattr'],
      fsetxattr: libc.func('int fsetxattr(int, const char *, const void *, size_t, int)') as Libc['fsetxattr'],
      fremovexattr: libc.func('int fremovexattr(int, const char *)') as Libc['fremovexattr'],
      close: libc.func('int close(int)') as Libc['close'],
      errno: () => koffi.errno(),
    }
  } catch (cause) {
    throw new Failure(
      'native-module',
      `the package koffi cannot be loaded by this Node (${(cause as Error).message})`,
      { cause },
    )
  }
}
