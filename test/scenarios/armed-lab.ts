/** A lab with nginx, and the hooks as certbot calls them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { request } from '../../src/control/client.js'
import type { ResponderStatus } from '../../src/control/responder-status.js'
import { openLab, type Finished, type Lab, type Namespace, type Service } from '../../src/lab/lab.js'
import type { Program } from '../../src/lab/programs.js'
import { inRepository } from '../../src/lab/repository.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { containerPort } from '../../src/lab/container.js'
import { startWebServer, type WebServer } from '../../src/lab/web-server.js'
import type { Challenge } from './challenge.js'

/** What the kernel tests need besides NFQUEUE; say so to `requiresKernel`. */
export const programs: readonly Program[] = ['nginx', 'bash']

/** The hooks of one run directory. */
export interface Hooks {
  readonly runDirectory: string
  /** Runs `hooks/auth` for the challenge; a failure is an ordinary result. */
  auth(challenge: Challenge, ...options: string[]): Promise<Finished>
  /**
   * Runs `hooks/cleanup`; the same. That nobody asked, or that the challenge was lost, is left out of what it says:
   * most tests arm for other reasons.
   */
  cleanup(challenge: Challenge, ...options: string[]): Promise<Finished>
  /** The same with all that it says. */
  cleanupWithDiagnosis(challenge: Challenge, ...options: string[]): Promise<Finished>
  /** Runs `hooks/auth` and throws when it fails or says anything. */
  arm(challenge: Challenge, ...options: string[]): Promise<void>
  /** Starts `hooks/certbot-nfq serve`; it listens when this resolves. */
  serve(...options: string[]): Promise<Service>
  /** What the responder says of itself; undefined without one. */
  status(): Promise<ResponderStatus | undefined>
  /** The same where there has to be one. */
  running(): Promise<ResponderStatus>
}

/** A lab, its web server, and the hooks with a run directory in the lab's own directory. */
export interface ArmedLab extends Lab, Hooks {
  readonly webServer: WebServer
  /** The hooks with another run directory, and so with another responder. */
  hooksIn(name: string): Hooks
  /**
   * What is not as it was when this lab was opened: rules, processes of the server, run directories. Empty when all is
   * back.
   */
  leftovers(): Promise<string[]>
  /**
   * The web server's requests for challenges, whole request lines only: of one that came split it may have had the
   * start.
   */
  challengesAtWebServer(): Promise<string[]>
}

/** How the server is set up before its state counts as "before". */
export interface ArmedLabOptions {
  readonly container?: boolean
  /** Without nginx on port 80: the test listens there itself. */
  readonly noWebServer?: boolean
  /** With the request of its own that an auth hook makes; most tests look at single packets. */
  readonly selfCheck?: boolean
  /** What the hooks' PATH is, and so their responder's. */
  readonly path?: string
  readonly prepare?: (server: Namespace, lab: Lab) => Promise<void>
}

/** Opens it for a test, and closes it with the test, whatever becomes of that. Nothing is armed yet. */
export async function openArmedLab(t: Test, options: ArmedLabOptions = {}): Promise<ArmedLab> {
  const lab = options.container ? await openLab({ container: true }) : await openLab()
  t.teardown(() => lab.close())
  await options.prepare?.(lab.server, lab)
  const webServer = options.noWebServer
    ? (undefined as never)
    : await startWebServer(lab, options.container ? behind(lab) : {})
  const rulesBefore = await snapshotRules(lab.server)
  const pidsBefore = new Set((await lab.server.processes()).map(({ pid }) => pid))
  const hooks = hooksFor(lab.server, join(lab.directory, 'run'), options)
  const runDirectories = () => readdirSync(lab.directory).filter((name) => name.startsWith('run'))
  return {
    ...lab,
    ...hooks,
    webServer,
    hooksIn: (name) => hooksFor(lab.server, join(lab.directory, `run-${name}`)),
    leftovers: async () => {
      const leftProcesses = async () => (await lab.server.processes()).filter(({ pid }) => !pidsBefore.has(pid))
      // Whoever was told to end closes its control socket first and exits an instant later.
      await waitUntil(async () => (await leftProcesses()).length === 0, 'processes to end').catch(() => undefined)
      const rules = await snapshotRules(lab.server)
      return [
        ...(await leftProcesses()).map(({ pid, command }) => `process ${pid}: ${command}`),
        ...runDirectories()
          .filter((name) => {
            const files = readdirSync(join(lab.directory, name))
            return files.length === 0 || !files.every(isNote)
          })
          .map((name) => `directory ${name}: ${readdirSync(join(lab.directory, name)).join(' ')}`),
        ...(rules === rulesBefore ? [] : [`rules were\n${rulesBefore}\nand are\n${rules}`]),
      ]
    },
    challengesAtWebServer: async () =>
      (await webServer.requests()).filter((line) => /acme-challenge.* HTTP\//.test(line)),
  }
}

/** The process id of a process's parent: of a responder, that of its keeper. */
export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function behind(lab: Lab): { namespace: Namespace; port: number } {
  if (!('container' in lab)) throw new Error('a lab without a container')
  return { namespace: lab.container as Namespace, port: containerPort }
}

/** Whether a file is for a cleanup hook that is yet to come: what is left of a responder that was killed. */
function isNote(name: string): boolean {
  return name.startsWith('lost-')
}

/** The diagnosis of a challenge that nobody asked for, or that was lost. */
const unasked =
  /^certbot-nfq: (no request for example\.com reached port \d+ of this machine|example\.com: the (responder that had its|time to live)).*\n.* \[[a-z\d-]+, \/.*docs\/errors\.md#[a-z\d-]+\]\n/m

function hooksFor(server: Namespace, runDirectory: string, { selfCheck = false, path }: ArmedLabOptions = {}): Hooks {
  const onPath: Record<string, string> = path === undefined ? {} : { PATH: path }
  const hook = (name: string, challenge: Challenge, options: readonly string[]) =>
    server.exec([inRepository(`hooks/${name}`), '--run-dir', runDirectory, ...options], {
      reject: false,
      timeout: 240_000,
      env: {
        CERTBOT_DOMAIN: 'example.com',
        CERTBOT_TOKEN: challenge.token,
        CERTBOT_VALIDATION: challenge.keyAuthorization,
        ...(!selfCheck && { CERTBOT_NFQ_NO_SELF_CHECK: '1' }),
        ...onPath,
      },
    })
  const status = async () => {
    const response = await request(join(runDirectory, 'control'), { op: 'status' })
    return typeof response === 'object' ? response.status : undefined
  }
  return {
    runDirectory,
    auth: (challenge, ...options) => hook('auth', challenge, options),
    cleanup: async (challenge, ...options) => {
      const { exitCode, stdout, stderr } = await hook('cleanup', challenge, options)
      return { exitCode, stdout, stderr: stderr.replace(unasked, '') }
    },
    cleanupWithDiagnosis: (challenge, ...options) => hook('cleanup', challenge, options),
    arm: async (challenge, ...options) => {
      const { exitCode, stdout, stderr } = await hook('auth', challenge, options)
      if (exitCode !== 0 || stdout !== '' || stderr !== '')
        throw new Error(`auth: exit code ${String(exitCode)}\n${stdout}${stderr}`)
    },
    serve: async (...options) => {
      const service = server.spawn(
        [inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', runDirectory, ...options],
        { env: onPath },
      )
      await service.waitForOutput(/ info listening in /)
      return service
    },
    status,
    running: async () => {
      const read = await status()
      if (!read) throw new Error(`no responder in ${runDirectory}`)
      return read
    },
  }
}
