/**
 * It waits most of its life: a small heap and no optimizing compiler save more memory than the compiler would ever save
 * time.
 */
const FOR_MEMORY = ['--no-opt', '--no-sparkplug', '--optimize-for-size', '--max-semi-space-size=1']

/**
 * Where Node's debugger would listen, which SIGUSR1 starts until there is a handler: at an address that no machine has
 * and no route leads back from (240.0.0.0/4 is reserved, RFC 1112), so that it fails.
 */
const NO_DEBUGGER = '--inspect-port=240.0.0.1:1024'

/** What the Node of a responder is started with; `version` is that Node's, such as `v22.14.0`. */
export function nodeFlags(version: string): string[] {
  return [...FOR_MEMORY, NO_DEBUGGER, ...(canIgnoreSignal(version) ? ['--disable-sigusr1'] : [])]
}

/** Since 22.14 and 23.7. */
function canIgnoreSignal(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > 23 || (major === 23 && minor >= 7) || (major === 22 && minor >= 14)
}
