import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addContainer } from './container.js'
import { connect, createNamespace, type Namespace } from './namespace.js'
import { endProcessesIn, parsePids, signal } from './processes.js'
import { run, withSystemPrograms } from './run.js'
import { whileOpen } from './while-open.js'

export { kernelUnavailable } from './kernel-unavailable.js'
export type { Addresses, Namespace } from './namespace.js'
export type { Finished, RunOptions } from './run.js'
export type { Service, ServiceOptions } from './service.js'

/** Two machines on one cable, made of network namespaces: everything in them is private and goes away with `close`. */
export interface Lab {
  /** Where the web server and certbot live. */
  readonly server: Namespace
  /** Where the CA and every other client live. */
  readonly validator: Namespace
  /** Names for further namespaces, as many as were asked for. The caller makes them, and the lab closes them. */
  readonly spare: readonly string[]
  /** A private directory, mode 0700, for configuration, logs and sockets. */
  readonly directory: string
  /**
   * Ends every process in the namespaces, then removes namespaces and directory. Calling it again waits for the same
   * end.
   */
  close(): Promise<void>
}

/** A lab with a third machine behind the server, which publishes the container's port 8080 as its own port 80. */
export interface LabWithContainer extends Lab {
  readonly container: Namespace
}

let labs = 0

/**
 * Makes a lab; needs root. IPv4 and IPv6 work between all its namespaces as soon as this resolves. A lab that is still
 * open when this process exits or gets SIGINT, SIGTERM or SIGHUP is closed first.
 */
export async function openLab(options: { readonly container: true }): Promise<LabWithContainer>
export async function openLab(options?: { readonly container?: false; readonly spare?: number }): Promise<Lab>
export async function openLab({ container = false, spare: count = 0 } = {}): Promise<Lab> {
  labs += 1
  const prefix = `cnfq-${process.pid}-${labs}`
  const names = ['server', 'validator', ...(container ? ['container'] : [])].map((role) => `${prefix}-${role}`)
  const spare = Array.from({ length: count }, (_, at) => `${prefix}-spare-${at + 1}`)
  const directory = mkdtempSync(join(tmpdir(), 'certbot-nfq-lab-'))
  const close = whileOpen(
    () => closeLab([...names, ...spare], directory),
    () => closeAtExit([...names, ...spare], directory),
  )
  try {
    const server = await createNamespace(`${prefix}-server`, 'eth0', { ipv4: '192.0.2.1', ipv6: '2001:db8::1' })
    const validator = await createNamespace(`${prefix}-validator`, 'eth0', { ipv4: '192.0.2.2', ipv6: '2001:db8::2' })
    await connect(server, validator)
    const lab: Lab = { server, validator, spare, directory, close }
    return container ? Object.assign(lab, { container: await addContainer(server, `${prefix}-container`) }) : lab
  } catch (error) {
    await close()
    throw error
  }
}

async function closeLab(names: readonly string[], directory: string): Promise<void> {
  await Promise.all(names.map(endProcessesIn))
  for (const name of names) await run(['ip', 'netns', 'delete', name], { reject: false })
  await rm(directory, { recursive: true, force: true })
}

/** Closes a lab when nothing can be awaited any more. The processes get no time to end. */
function closeAtExit(names: readonly string[], directory: string): void {
  const ip = (...words: string[]): string => {
    try {
      return execFileSync('ip', ['netns', ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        env: withSystemPrograms(),
      })
    } catch {
      // It is not there, or no longer. There is nothing to end or delete.
      return ''
    }
  }
  for (const name of names) for (const pid of parsePids(ip('pids', name))) signal(pid, 'SIGKILL')
  for (const name of names) ip('delete', name)
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}
