/** Measures a certificate for 100 names by real certbot, compared with hooks that do nothing. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCertbot } from '../../src/lab/certbot.js'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import { openLab, type Lab } from '../../src/lab/lab.js'
import type { Comparison } from './figures.js'

const names = Array.from({ length: 100 }, (_, at) => `name-${at}.example.com`)

/**
 * Seconds of each order. The CA believes everything: hooks that do nothing pass no validation, and both sides must be
 * asked the same.
 */
export async function measureOrders(repetitions: number): Promise<Comparison> {
  process.env['PEBBLE_VA_ALWAYS_VALID'] = '1'
  const lab = await openLab()
  try {
    const authority = await startCertificateAuthority(lab)
    const idle = await createCertbot(lab, authority, { directory: await idleHooks(lab) })
    const ours = await createCertbot(lab, authority)
    const results: { values: number[]; baselines: number[] } = { values: [], baselines: [] }
    for (let number = 0; number < repetitions; number++) {
      for (const [into, certbot] of [
        [results.baselines, idle],
        [results.values, ours],
      ] as const) {
        const start = performance.now()
        const { exitCode, stdout, stderr } = await certbot.certonly(names, {
          arguments: ['--cert-name', `order-${number}`],
        })
        if (exitCode !== 0) throw new Error(`certbot ended with ${String(exitCode)}:\n${stdout}${stderr}`)
        into.push((performance.now() - start) / 1000)
      }
    }
    return results
  } finally {
    await lab.close()
  }
}

async function idleHooks(lab: Lab): Promise<string> {
  const directory = join(lab.directory, 'idle-hooks')
  await mkdir(directory)
  for (const name of ['auth', 'cleanup']) {
    await writeFile(join(directory, name), '#!/bin/sh\nexit 0\n')
    await chmod(join(directory, name), 0o755)
  }
  return directory
}
