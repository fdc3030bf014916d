/** Compares everything with how it was before. */
import { readdirSync } from 'node:fs'
import { snapshotRules } from '../../src/lab/rules.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { challengeFor, requestFor } from '../scenarios/challenge.js'
import { trackedConnections } from '../scenarios/stateful-rules.js'
import { dnsNames, requestByDns } from './dns-bystanders.js'
import { requestByTls, tlsKinds } from './tls-bystanders.js'
import { connect } from './connection.js'
import { addresses, type World } from './world.js'

/** What is looked at. */
export interface Before {
  readonly rules: string
  readonly files: readonly string[]
  readonly sockets: string
}

/** A responder whose hook was killed before it had a challenge ends after 10 s. */
const patience = 16_000

/** To be taken before anything is armed. */
export async function lookAround(world: World): Promise<Before> {
  return { rules: await snapshotRules(world.lab.server), files: filesIn(world), sockets: await socketsIn(world) }
}

/** Everything that is not as it was is a violation. */
export async function checkAftermath(world: World, before: Before): Promise<void> {
  const { lab, violate, plan, means } = world
  await waitUntil(async () => (await leftProcesses(world)).length === 0, '', patience * means.pace).catch(
    () => undefined,
  )
  for (const { pid, command } of await leftProcesses(world)) violate(`process ${pid} is still there: ${command}`)
  const after = await lookAround(world)
  if (after.rules !== before.rules) violate(`rules were\n${before.rules}\nand are\n${after.rules}`)
  if (after.files.join() !== before.files.join())
    violate(`files were ${before.files.join(', ')} and are ${after.files.join(', ')}`)
  if (after.sockets !== before.sockets) violate(`sockets were\n${before.sockets}\nand are\n${after.sockets}`)
  if (!plan.isTracked && (await trackedConnections(lab.server)) !== 0)
    violate('connection tracking has been switched on')
  for (const family of plan.families) {
    await checkWebServer(world, family, requestFor('GET', '/'))
    await checkWebServer(world, family, challengeFor('afterwards').request)
    for (const name of world.dnsServer ? dnsNames : []) await checkOther(world, () => requestByDns(world, name, family))
    for (const kind of world.tlsServer ? tlsKinds : []) await checkOther(world, () => requestByTls(world, kind, family))
  }
}

/** Every process of the server that is not its name server, or its web server's, whose own come and go. */
async function leftProcesses({ lab, dnsServer }: World) {
  const isServer = (pid: number, command: string) => pid === dnsServer?.pid || /^(?:nginx: |$)/.test(command)
  return (await lab.server.processes()).filter(({ pid, command }) => !isServer(pid, command))
}

/**
 * Of the lab's directory, and of the run directory if there is one. Notes of lost challenges are for cleanup hooks that
 * are yet to come, or were killed.
 */
function filesIn({ lab }: World): string[] {
  const names = readdirSync(lab.directory, { recursive: true }).map(String)
  const isNote = (name: string) => /\/lost-/.test(name)
  const isOfNotes = (directory: string) => {
    const inside = names.filter((name) => name.startsWith(`${directory}/`))
    return inside.length > 0 && inside.every(isNote)
  }
  return names.filter((name) => !/^nginx-|^responder\.log$/.test(name) && !isNote(name) && !isOfNotes(name)).sort()
}

/** Bound queues, raw sockets, and Unix sockets with a path. */
async function socketsIn({ lab }: World): Promise<string> {
  const tables = ['netfilter/nfnetlink_queue', 'raw', 'raw6', 'unix'].map((name) => `/proc/net/${name}`)
  const { stdout } = await lab.server.exec(['cat', ...tables], { reject: false })
  const isUnix = (line: string) => /^[\da-f]{16}: /.test(line)
  return stdout
    .split('\n')
    .filter((line) => (isUnix(line) ? / [/@]\S+$/.test(line) : /^ *\d/.test(line)))
    .join('\n')
}

/** With loss, 30 s may pass in repetitions: then whoever asks comes again, three times in all. */
async function checkOther(world: World, ask: () => Promise<string | undefined>): Promise<void> {
  let trouble: string | undefined
  for (let left = world.plan.impairment === 'loss' ? 3 : 1; left > 0; left--) {
    trouble = await ask()
    if (trouble === undefined) return
    world.note(`afterwards: ${trouble}`)
  }
  world.violate(`afterwards: ${trouble ?? ''}`)
}

async function checkWebServer(world: World, family: 4 | 6, request: string): Promise<void> {
  const limit = 30_000 * world.means.pace
  const connection = connect(world.lab.validator, addresses.validator[family], addresses.server[family], limit)
  await connection.write(request)
  const { how, received } = await connection.ended(limit)
  connection.close()
  if (how !== 'closed' || !received.endsWith(world.webServer.body)) {
    world.violate(
      `afterwards, on IPv${family}, ${JSON.stringify(request.slice(0, 40))}: ${how} ${JSON.stringify(received)}`,
    )
  }
}
