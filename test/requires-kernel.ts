import { kernelUnavailable } from '../src/lab/kernel-unavailable.js'
import { missingPrograms, type Program } from '../src/lab/programs.js'

/**
 * Returns the options of a test that needs root, network namespaces, NFQUEUE and the programs named. Without them the
 * test is skipped with the reason; with REQUIRE_KERNEL=1 it fails instead.
 */
export async function requiresKernel(...programs: readonly Program[]): Promise<{ skip: string | false }> {
  const reason = (await kernelUnavailable()) ?? (await missingPrograms(programs))
  if (reason !== undefined && process.env['REQUIRE_KERNEL'] === '1') throw new Error(`REQUIRE_KERNEL=1, but ${reason}`)
  return { skip: reason ?? false }
}
