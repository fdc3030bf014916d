/** Measures certificates by real certbot: for one name, compared with `--webroot`, and for 100 names. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCertbot, type Certbot } from '../../src/lab/certbot.js'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import { openLab, type Finished, type Lab } from '../../src/lab/lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { emptyComparison, type Comparison } from './figures.js'
import { startWebServer, webRoot } from './web-server.js'

/** Seconds of each order. */
export interface OrderResults {
  /** For one name, compared with certbot's own webroot plugin. */
  readonly one: Comparison
  /** For 100 names, compared with hooks that do nothing. */
  readonly hundred: Comparison
}

const names = Array.from({ length: 100 }, (_, at) => `name-${at}.example.com`)

/** Measures so many orders of each kind. */
export async function measureOrders(repetitions: { one: number; hundred: number }): Promise<OrderResults> {
  return { one: await measureOne(repetitions.one), hundred: await measureHundred(repetitions.hundred) }
}

async function measureOne(repetitions: number): Promise<Comparison> {
  const lab = await openLab()
  try {
    const authority = await startCertificateAuthority(lab)
    await startWebServer(lab, challengeFor('an order'))
    const webroot = await createCertbot(lab, authority)
    const ours = await createCertbot(lab, authority)
    const how = ['--agree-tos', '--register-unsafely-without-email', '-d', 'example.com', '--force-renewal']
    const byWebroot = () => webroot.run(['certonly', '--webroot', '-w', webRoot(lab), ...how])
    return await compare(repetitions, byWebroot, () =>
      ours.certonly(['example.com'], { arguments: ['--force-renewal'] }),
    )
  } finally {
    await lab.close()
  }
}

/** The CA believes everything: hooks that do nothing pass no validation, and both sides must be asked the same. */
async function measureHundred(repetitions: number): Promise<Comparison> {
  process.env['PEBBLE_VA_ALWAYS_VALID'] = '1'
  const lab = await openLab()
  try {
    const authority = await startCertificateAuthority(lab)
    const idle = await createCertbot(lab, authority, { directory: await idleHooks(lab) })
    const ours = await createCertbot(lab, authority)
    const order = (certbot: Certbot) => () => certbot.certonly(names, { arguments: ['--force-renewal'] })
    return await compare(repetitions, order(idle), order(ours))
  } finally {
    await lab.close()
  }
}

/** Makes both in turns. The first of each is not counted, because it makes the account. */
async function compare(
  repetitions: number,
  baseline: () => Promise<Finished>,
  value: () => Promise<Finished>,
): Promise<Comparison> {
  const results = emptyComparison()
  for (let number = 0; number <= repetitions; number++) {
    for (const [into, order] of [
      [results.baselines, baseline],
      [results.values, value],
    ] as const) {
      const start = performance.now()
      const { exitCode, stdout, stderr } = await order()
      if (exitCode !== 0) throw new Error(`certbot ended with ${String(exitCode)}:\n${stdout}${stderr}`)
      if (number > 0) into.push((performance.now() - start) / 1000)
    }
  }
  return results
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
