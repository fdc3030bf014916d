import { kernelUnavailable } from '../src/lab/kernel-unavailable.js'
import { missingPrograms, type Program } from '../src/lab/programs.js'

/**
 * The options of a test that needs root, network namespaces, NFQUEUE and the programs named: it is skipped with the
 * reason where they cannot be had, and fails instead with REQUIRE_KERNEL=1.
 */
export async function requiresKernel(...programs: readonly Program[]): Promise<{ skip: string | false }> {
  const reason = (await kernelUnavailable()) ?? (await missingPrograms(programs))
  if (reason !== undefined && process.env['REQUIRE_KERNEL'] === '1') throw new Error(`REQUIRE_KERNEL=1, but ${reason}`)
  return { skip: reason ?? false }
}
