import { readFileSync } from 'node:fs'
import type { Service } from './service.js'
import { waitUntil } from './wait-until.js'

/**
 * Resolves as soon as something listens on the TCP port in the service's namespace. Rejects with the service's output
 * when that ends first.
 */
export async function waitForListener(service: Service, port: number): Promise<void> {
  const ended = service.exited.then(() => {
    throw new Error(`ended instead of listening on port ${port}:\n${service.output()}`)
  })
  await Promise.race([ended, waitUntil(() => isListening(service.pid, port), `a listener on port ${port}`)])
}

/**
 * Returns whether something listens. `/proc/PID/net/tcp` (proc(5)) shows the sockets of the process's network namespace
 * as address:port in hexadecimal. State 0A is LISTEN.
 */
function isListening(pid: number, port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['tcp', 'tcp6'].some((table) =>
    readTable(`/proc/${pid}/net/${table}`).some(
      ([, address, , state]) => address?.endsWith(local) === true && state === '0A',
    ),
  )
}

function readTable(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
  } catch {
    return []
  }
}
