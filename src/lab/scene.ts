import { readdir } from 'node:fs/promises'
import {
  startCertificateAuthority,
  type CertificateAuthority,
  type CertificateAuthorityOptions,
} from './certificate-authority.js'
import { createCertbot, type Certbot, type Hooks } from './certbot.js'
import { openLab, type Lab } from './lab.js'
import type { Program } from './programs.js'
import { snapshotRules } from './rules.js'
import { CHALLENGE_PATH } from '../wire/http/http.js'
import { waitUntil } from './wait-until.js'
import { startWebServer, type WebServer } from './web-server.js'

/** A lab with everything in it that a certificate takes: the web server on port 80, the CA, and certbot. */
export interface Scene {
  readonly lab: Lab
  readonly webServer: WebServer
  readonly authority: CertificateAuthority
  readonly certbot: Certbot
  /** Returns the requests that reached the web server and were meant for the hooks. */
  challengesAtWebServer(): Promise<string[]>
  /**
   * Returns what differs from before certbot's run: rules, processes of the server namespace, a socket in the run
   * directory. A responder that was told to stop gets some seconds to end. Empty when everything is as before.
   */
  leftovers(): Promise<string[]>
  /** Closes the lab. */
  close(): Promise<void>
}

/** Programs the scene needs besides those of the kernel tests. */
export const scenePrograms: readonly Program[] = [
  'nginx',
  'pebble',
  'pebble-challtestsrv',
  'certbot',
  'openssl',
  'bash',
]

/** Opens a lab and starts everything in it. */
export async function openScene(
  options: { readonly authority?: CertificateAuthorityOptions; readonly hooks?: Hooks } = {},
): Promise<Scene> {
  const lab = await openLab()
  try {
    const webServer = await startWebServer(lab)
    const authority = await startCertificateAuthority(lab, options.authority)
    const certbot = await createCertbot(lab, authority, options.hooks)
    const rulesBefore = await snapshotRules(lab.server)
    const pidsBefore = new Set((await lab.server.processes()).map(({ pid }) => pid))

    const leftProcesses = async (): Promise<string[]> =>
      (await lab.server.processes())
        .filter(({ pid }) => !pidsBefore.has(pid))
        .map(({ pid, command }) => `process ${pid}: ${command}`)
    const leftovers = async (): Promise<string[]> => {
      await waitUntil(async () => (await leftProcesses()).length === 0, 'processes').catch(() => undefined)
      const rules = await snapshotRules(lab.server)
      return [
        ...(await leftProcesses()),
        ...(await socketsIn(certbot.runDirectory)).map((name) => `socket: ${name}`),
        ...(rules === rulesBefore ? [] : [`rules were\n${rulesBefore}\nand are\n${rules}`]),
      ]
    }
    return {
      lab,
      webServer,
      authority,
      certbot,
      challengesAtWebServer: async () => (await webServer.requests()).filter((line) => line.includes(CHALLENGE_PATH)),
      leftovers,
      close: lab.close,
    }
  } catch (error) {
    await lab.close()
    throw error
  }
}

async function socketsIn(directory: string): Promise<string[]> {
  // A run directory that does not exist holds none.
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isSocket()).map(({ name }) => name)
}
