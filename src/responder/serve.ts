/**
 * Starts a responder: takes the lock, opens raw sockets, queue and control socket, and connects the parts. The rules
 * are installed with the first challenge, and removed before the queue is closed. So every queued packet is handled.
 */
import { dns01Datagrams } from '../challenge/dns-01/datagrams.js'
import { dns01Service } from '../challenge/dns-01/service.js'
import { http01Service } from '../challenge/http-01/service.js'
import { tlsAlpn01Service } from '../challenge/tls-alpn-01/service.js'
import { listen, type ControlHandlers, type ControlServer } from '../control/server.js'
import { toFailure } from '../failure.js'
import type { FirewallChoice } from '../firewall/choices.js'
import { sweep } from '../firewall/choose.js'
import { needsLegacyIptables } from '../firewall/iptables/iptables.js'
import type { Lock } from '../kernel/lock.js'
import { requireDescriptors } from '../kernel/descriptors.js'
import { openPeerLookup } from '../kernel/peer.js'
import { isTranslated } from '../rules-read/translation.js'
import { systemEdges, type Edges } from './edges.js'
import { Leases } from './leases.js'
import { forgetLosses, formatLockRecord, noteLosses } from './losses.js'
import { openChallengeServer } from './servers/challenge-server.js'
import { lockRunDirectory } from './lock-run-directory.js'
import type { Log } from './log.js'
import { openNameServer } from './servers/name-server.js'
import { LONG_QUEUE, openPacketPath } from './packet-path.js'
import { release } from './release.js'
import { Responder } from './responder.js'
import { Rules } from './rules.js'
import { Standing, type StandingOptions } from './standing.js'
import { removeRunDirectory, type RunDirectory } from './run-directory.js'
import { Standalone } from './servers/standalone.js'
import { takeLock } from './take-lock.js'
import { statusOf, type Identity } from './status.js'
import { TlsAnswers } from './tls/tls-answers.js'
import { openTlsServer } from './servers/tls-server.js'
import { Watchdog } from './watchdog.js'
import { Fleet } from './fleet.js'
import { Webroots } from './webroots.js'
import type { IpVersion } from '../wire/ip.js'

/** How a responder is started. */
export interface ServeOptions {
  readonly directory: RunDirectory
  readonly firewall: FirewallChoice
  /** NFQUEUE number; a free one by default. */
  readonly queue: number | undefined
  /** One bit of the connection mark. */
  readonly mark: number
  /** Whether it serves ports that nobody listens on. */
  readonly isStandalone: boolean
  /** Whether it ends after its last challenge, as for hooks. Otherwise only `stop` or a signal ends it. */
  readonly isTransient: boolean
  /** What it answers without its being armed. */
  readonly standing?: StandingOptions | undefined
  /** Seconds that a transient one stays after its last challenge. */
  readonly linger: number
  /** The version of the program, for status. */
  readonly version: string
}

/** Descriptors that a start takes: for queue, sockets, and the programs that look for leftover rules. */
const FOR_A_START = 24

/** Milliseconds that a note about a lost challenge is kept. A certbot that is still at work is a rare thing then. */
const LOSS_TIME = 24 * 3600 * 1000

/** Milliseconds to wait while a sweep holds the lock of the run directory. */
const SWEEP_TIME = 5_000

/**
 * Starts a responder. Resolves when its control socket listens, or with `undefined` when the directory has one already.
 * @throws Failure
 */
export async function serve(
  options: ServeOptions,
  log: Log,
  edges: Edges = systemEdges,
): Promise<Responder | undefined> {
  let lock: Lock | undefined
  requireDescriptors(FOR_A_START)
  try {
    // A hook tries again by itself, so there is no need to wait for a sweep.
    lock = await lockRunDirectory(options.directory, options.isTransient ? 0 : SWEEP_TIME, edges.clock)
    return lock && (await serveWithLock(options, lock, log, edges))
  } catch (thrown) {
    lock?.release()
    // A directory that was refused belongs to somebody else.
    if (lock || toFailure(thrown).code !== 'run-directory') removeRunDirectory(options.directory)
    throw thrown
  }
}

async function serveWithLock(options: ServeOptions, lock: Lock, log: Log, edges: Edges): Promise<Responder> {
  const { directory, firewall, isTransient, linger, isStandalone, version, mark } = options
  const { clock, run, sets } = edges
  const findFamilies = () => edges.findFamilies(mark)
  const { tag } = directory
  forgetLosses(directory, LOSS_TIME)
  // The lock is free, so who held it before is dead, and its keeper too if anything is written there.
  noteLosses(directory, { kind: 'gone' })
  lock.note('')
  const identity: Identity = { version, pid: process.pid, startedAt: clock.date(), mark }
  const standing = options.standing && new Standing(options.standing, clock, log)
  const leases = new Leases(clock, standing)
  const { challenges } = leases
  const tlsAnswers = new TlsAnswers(leases, clock)
  const stateless = () => (standing?.isOn ? standing.options.stateless : undefined)
  const isQuiet = (token: string) => standing !== undefined && !leases.isKnown(token)
  const onEvent = leases.note.bind(leases)
  const names = {
    valuesOf: leases.valuesOf.bind(leases),
    isZoneOurs: (): boolean => nameServers.isAlone,
  }
  const [families, path] = await Promise.all([
    findFamilies(),
    openPacketPath(
      [
        http01Service(challenges, options.standing?.stateless, () => stateless() !== undefined),
        dns01Service(names),
        tlsAlpn01Service((name) => tlsAnswers.find(name)),
      ],
      {
        queue: options.queue,
        datagrams: [dns01Datagrams(names)],
        // No packet is queued before there are rules.
        letGoMark: (): number | undefined => rules.letGoMark,
        ...(standing && { length: LONG_QUEUE }),
        isQuiet,
      },
      edges,
      log,
      onEvent,
    ),
    // Removes what a killed responder has left.
    sweep(tag, run, sets),
  ])
  const port = path.port ?? process.pid
  const record = () =>
    lock.note(formatLockRecord({ port, pid: process.pid, armed: leases.armed, expired: leases.expired }))
  // For the keeper, which watches that queue.
  record()
  const underLock = await edges.openXtablesLock(needsLegacyIptables(firewall))
  const rules = new Rules(
    { tag, queue: path.queue, mark, firewall },
    families,
    { ...takeLock(edges, underLock), sets, findFamilies },
    log,
  )
  const servedFamilies = () => (isStandalone ? rules.families : [])
  const isSentOn = (family: IpVersion, port: number) => isTranslated(family, port, run)
  const serving = { isOff: !isStandalone, isQuiet, families: servedFamilies, isTranslated: isSentOn, onEvent }
  const standalone = new Standalone(
    { ...serving, open: (place) => openChallengeServer({ ...place, challenges, stateless }) },
    log,
  )
  const armed = (name: string) => tlsAnswers.find(name)
  const tlsServers = new Standalone({ ...serving, open: (place) => openTlsServer({ ...place, armed }) }, log)
  const nameServers = new Standalone({ ...serving, open: (place) => openNameServer({ ...place, names }) }, log)
  // No request is handled before this function has returned.
  const server = await openServer(directory, (request) => responder.answer(request), log)
  const watchdog = new Watchdog(rules, clock, log)
  const webroots = new Webroots(clock, log)
  const fleet = new Fleet(clock, log)
  const parts = { leases, path, rules, standalone, nameServers, tlsServers, watchdog, webroots, fleet, tlsAnswers }
  const responder: Responder = new Responder(
    {
      ...parts,
      clock,
      record,
      status: () => statusOf(identity, { ...parts, endsIn: responder.endsIn, log }),
      release: () => release({ ...parts, directory, lock, server }, log),
    },
    isTransient ? linger * 1_000 : Infinity,
    log,
  )
  log('info', `listening in ${directory.path}, queue ${path.queue}`)
  return responder
}

async function openServer(
  { socket }: RunDirectory,
  answer: ControlHandlers['answer'],
  log: Log,
): Promise<ControlServer> {
  const peerOf = await openPeerLookup()
  return listen(socket, {
    answer,
    onRefusal: ({ message, code }) => log('warning', `refused: ${message} [${code}]`, { event: 'refused', code }),
    // The mode of the directory keeps other users out. This check holds even if somebody has changed that mode.
    isAllowed: (fd) => [0, process.getuid?.()].includes(peerOf(fd)),
  })
}
