/** A lab with the DNS around it, a CA that asks it, and certbot on the server. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCertificateAuthority, type CertificateAuthority } from '../../src/lab/certificate-authority.js'
import { createCertbot, type Certbot, type Hooks } from '../../src/lab/certbot.js'
import { openLab, type Lab, type Service } from '../../src/lab/lab.js'
import type { Program } from '../../src/lab/programs.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { startNameServer, type NameServerName, type Zone } from './name-servers.js'
import { LOOPBACK_PORT } from './resolver.js'
import { RESOLVER, startWorld, type WorldOptions } from './world.js'

/** What the stage needs besides the programs of the kernel tests. */
export const stagePrograms: readonly Program[] = [
  'nsd',
  'unbound',
  'pebble',
  'pebble-challtestsrv',
  'certbot',
  'openssl',
]

/** What runs, and what is done with it. */
export interface Stage {
  readonly lab: Lab
  readonly authority: CertificateAuthority
  readonly certbot: Certbot
  /** Returns the log of the responders. */
  log(): Promise<string>
  /** Starts a name server on both addresses of the server, at port 53. */
  serve(name: NameServerName, ...zones: readonly Zone[]): Promise<Service>
  /** Returns what is left: rules, and processes besides those of name servers. A responder gets some time to end. */
  leftovers(): Promise<string[]>
  close(): Promise<void>
}

/** Opens the stage. `options` are those of the hooks. */
export async function openStage(world: WorldOptions, options: Hooks['options'] = []): Promise<Stage> {
  const lab = await openLab()
  try {
    await startWorld(lab, world)
    const logFile = join(lab.directory, 'responder.log')
    const pebble = await startCertificateAuthority(lab, { resolverPort: LOOPBACK_PORT })
    const authority = { ...pebble, dnsServer: RESOLVER }
    const certbot = await createCertbot(lab, authority, {
      nameServer: RESOLVER,
      options: ['--log-file', logFile, ...options],
    })
    const rules = await snapshotRules(lab.server)
    const programs = new Set<string>()
    const left = async () => (await lab.server.processes()).filter(({ command }) => !programs.has(command))
    return {
      lab,
      authority,
      certbot,
      log: () => readFile(logFile, 'utf8'),
      serve: async (name, ...zones) => {
        const addresses = [lab.server.addresses.ipv4, lab.server.addresses.ipv6]
        const server = await startNameServer(name, {
          namespace: lab.server,
          directory: lab.directory,
          addresses,
          zones,
        })
        // Its processes may not all be there yet.
        for (const { command } of await lab.server.processes()) programs.add(command)
        return server
      },
      // A client asks the resolver that the CA asks.
      leftovers: async () => {
        await waitUntil(async () => (await left()).length === 0, 'processes').catch(() => undefined)
        const after = await snapshotRules(lab.server)
        return [
          ...(await left()).map(({ pid, command }) => `process ${pid}: ${command}`),
          ...(after === rules ? [] : [`rules are\n${after}`]),
        ]
      },
      close: lab.close,
    }
  } catch (error) {
    await lab.close()
    throw error
  }
}
