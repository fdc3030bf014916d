/**
 * The responder mostly waits. A small heap and no optimizing compiler save more memory than the compiler would save
 * time.
 */
const FOR_MEMORY = ['--no-opt', '--no-sparkplug', '--optimize-for-size', '--max-semi-space-size=1']

/**
 * The address where Node's debugger would listen, which SIGUSR1 starts until there is a handler. No machine has it and
 * no route leads back from it (240.0.0.0/4 is reserved, RFC 1112), so listening fails.
 */
const NO_DEBUGGER = '--inspect-port=240.0.0.1:1024'

/** Returns the flags for the Node of a responder. `version` is that Node's version, such as `v22.14.0`. */
export function nodeFlags(version: string): string[] {
  return [...FOR_MEMORY, NO_DEBUGGER, ...(canIgnoreSignal(version) ? ['--disable-sigusr1'] : [])]
}

/** Returns whether the flag is known, which it is since 22.14 and 23.7. */
function canIgnoreSignal(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > 23 || (major === 23 && minor >= 7) || (major === 22 && minor >= 14)
}
