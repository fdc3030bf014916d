import { missingPrograms, type Program } from './programs.js'
import { run } from './run.js'

/** What a lab needs before anything is in it. */
export const labPrograms: readonly Program[] = ['ip', 'nsenter', 'unshare', 'iptables', 'ip6tables']

/**
 * Returns why namespaces or NFQUEUE cannot be used here, in words for a person; undefined when they can. This is tried
 * in a namespace of its own.
 */
export async function kernelUnavailable(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const missing = await missingPrograms(labPrograms)
  if (missing !== undefined) return missing
  const namespace = await run(['unshare', '--net', 'true'], { reject: false })
  if (namespace.exitCode !== 0) return `no network namespaces: ${firstLine(namespace.stderr)}`
  const rule = ['-t', 'mangle', '-A', 'INPUT', '-p', 'tcp', '-j', 'NFQUEUE', '--queue-num', '0', '--queue-bypass']
  const queue = await run(['unshare', '--net', 'iptables', ...rule], { reject: false })
  if (queue.exitCode !== 0) return `no NFQUEUE rule with iptables: ${firstLine(queue.stderr)}`
  return undefined
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
