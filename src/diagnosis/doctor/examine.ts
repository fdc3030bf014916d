/** Makes every check: first it reads, then it judges. Nothing of the host is changed. */
import type { ChallengeType } from '../../challenge/challenge.js'
import { runDirectory } from '../../responder/run-directory.js'
import type { Remark } from '../../client/configuration.js'
import type { FirewallChoice } from '../../firewall/choices.js'
import { run, runFor, type Run } from '../../firewall/run.js'
import { hasIpv6 } from '../../firewall/tracking.js'
import { findFamilies, type Families } from '../../responder/families.js'
import { boundQueues } from '../../kernel/queue.js'
import { addressesOfMachine, type MachineAddress } from '../../network/addresses.js'
import { lookUp } from '../../network/names.js'
import { planTrial, readBackEnds, readLegacyUse } from './back-ends.js'
import type { Table } from '../../rules-read/chains.js'
import { judgeClients } from './clients.js'
import { judgeFilter } from './filter.js'
import { CHECKS, type Finding } from './finding.js'
import { judgeMarks, judgeOffload, judgeUntracked } from './following.js'
import { judgeFleet, type FleetReading } from './fleet.js'
import { forwardsOf } from '../../rules-read/forwards.js'
import { readInstalledRules, tablesFor, type InstalledRules } from '../../rules-read/installed-rules.js'
import { judgeFirewall, judgeKernel, runTrial } from './kernel-support.js'
import { isAtWork, judgeLeftovers, readLeftovers } from './leftovers.js'
import { readListeners } from './listeners.js'
import { findingOfDns, readDnsName, type DnsHost } from './dns-names.js'
import { judgeName, judgeWildcard } from './names.js'
import type { ModulesReport } from './modules.js'
import { judgeModules, judgeNode, readHookNode } from './node.js'
import type { Packet } from '../../rules-read/packet.js'
import { judgePort, servedFamilies, type PortFacts } from './port.js'
import { judgeQueueNumber } from './queue-number.js'
import { judgeReversePath, readReversePathFilters } from './reverse-path.js'
import { judgeOwners, judgeRights, readRights } from './rights.js'
import { judgeRunDirectory, readRunDirectory } from './run-directory.js'
import type { TrialRequest } from './trial.js'
import { readUplinks } from './uplinks.js'
import type { IpVersion } from '../../wire/ip.js'

/** What to examine, and how. */
export interface ExamineOptions {
  /** How the names are to be validated. */
  readonly type: ChallengeType
  readonly port: number
  readonly runDir: string
  readonly firewall: FirewallChoice
  readonly queueNum: number | undefined
  readonly mark: number
  readonly noStandalone: boolean
  /** Names to look up; may be empty. */
  readonly names: readonly string[]
  /** With dns-01: the zone of aliases, and whether other machines answer too; undefined with other types. */
  readonly dns: { readonly alias: string | undefined; readonly isShared: boolean } | undefined
  /** The DNS server to ask, as in network/names.ts. */
  readonly resolver: string | undefined
  /** The value of --user. */
  readonly user: string | undefined
  /** The command that runs cli/doctor-probe.ts by hooks/run. A word that says what to do follows. */
  readonly hookProbe: readonly string[]
  /** Reads the store of the fleet; resolves to nothing without one. */
  readonly readFleet: () => Promise<FleetReading | undefined>
  /** Returns who but root can change what the hooks run with this Node, in the form that judgeOwners takes. */
  readonly whoCanChange: (node: string) => string | undefined
  /** Returns what is found of ACME clients other than certbot; it is told whether a responder is at work. */
  readonly clients: (isServed: boolean) => Promise<readonly Remark[]>
  /** Returns the command that makes the trial with this Node, run as a responder is run. The request follows. */
  readonly trial: (node: Pick<ModulesReport, 'execPath' | 'version'>) => readonly string[]
}

/**
 * Milliseconds for a program that starts a Node and a dozen programs in turn. It is enough for a small machine that has
 * none of them in memory.
 */
const LONG_TIME = 120_000

const runLong: Run = (argv, input) => runFor(LONG_TIME, argv, input)

/**
 * Returns all findings in the order of CHECKS.
 * @throws Failure `run-directory` when its path is too long
 */
export async function examine(options: ExamineOptions): Promise<Finding[]> {
  const machine = addressesOfMachine()
  const directory = runDirectory(options.runDir)
  const [rules, uplinks, hookNode, backEnds, names] = await Promise.all([
    readInstalledRules(run),
    readUplinks(machine, run),
    readHookNode([...options.hookProbe, 'modules'], runLong),
    readBackEnds(run),
    Promise.all(
      options.names.map(async (name) => {
        if (options.dns) return findDns(name, { ...options.dns, machine }, options.resolver)
        return name.startsWith('*.') ? judgeWildcard(name) : await lookUp(name, { resolver: options.resolver })
      }),
    ),
  ])
  const familyRules = rulesByFamily(options.port, machine, uplinks, rules)
  const tables = familyRules.flatMap(({ tables }) => tables)
  const leftovers = await readLeftovers(directory, tables)
  const plan = planTrial(options.firewall, backEnds, readLegacyUse())
  const node = typeof hookNode === 'object' && 'execPath' in hookNode ? hookNode : process
  const families = await findFamilies(run, options.mark)
  const trial = await tryIt(options, families, node, plan)
  const portFacts = readPort(options, familyRules, rules.silent.length > 0)
  const findings = [
    judgeRights(readRights()),
    judgeOwners(options.whoCanChange(node.execPath)),
    judgeNode(hookNode, process.execPath),
    ...judgeModules(hookNode),
    ...judgeKernel(trial),
    ...judgeFirewall(trial, options.firewall, backEnds),
    judgeQueueNumber(
      options.queueNum,
      boundQueues(),
      typeof leftovers.responder === 'object' && 'queue' in leftovers.responder ? leftovers.responder.queue : undefined,
    ),
    judgePort(portFacts),
    ...judgeFilter(familyRules, rules.silent),
    judgeUntracked(tables, rules.silent),
    judgeMarks(families),
    judgeOffload(
      rules,
      [...portFacts.forwards[4], ...portFacts.forwards[6]].some(({ address }) => address),
      options.port,
    ),
    judgeReversePath(uplinks, readReversePathFilters()),
    judgeRunDirectory(readRunDirectory(directory)),
    ...judgeLeftovers(leftovers),
    ...judgeClients(await options.clients(isAtWork(leftovers))),
    ...judgeFleet(await options.readFleet()),
    ...names.flatMap((found) =>
      'check' in found ? [found] : judgeName(found, { machine, served: servedFamilies(portFacts), ...portFacts }),
    ),
  ]
  return findings.sort((one, other) => CHECKS.indexOf(one.check) - CHECKS.indexOf(other.check))
}

interface FamilyRules {
  readonly packet: Packet
  readonly tables: readonly Table[]
}

/** What a CA asks (RFC 8555, 8.3; RFC 8737, 3), who usually answers there, and which option gives another port. */
const ASKED: Readonly<Record<ChallengeType, Pick<PortFacts, 'asked' | 'server' | 'option'>>> = {
  'http-01': { asked: 80, server: 'web server', option: '--port' },
  'dns-01': { asked: 53, server: 'name server', option: '--dns-port' },
  'tls-alpn-01': { asked: 443, server: 'web server', option: '--tls-port' },
}

/** Milliseconds for the way to a name. */
const DNS_TIME = 5_000

/** Looks up and judges the way to a name's challenge. A wildcard has that of its base. */
async function findDns(
  name: string,
  { alias, ...host }: NonNullable<ExamineOptions['dns']> & DnsHost,
  resolver: string | undefined,
): Promise<Finding> {
  const found = { identifier: name.replace(/^\*\./, ''), alias }
  return findingOfDns(found, await readDnsName(found, { resolver, timeLimit: DNS_TIME }), host)
}

/** Returns a packet for each IP version that this machine has, and the tables that the packet meets. */
function rulesByFamily(
  port: number,
  machine: readonly MachineAddress[],
  uplinks: readonly string[],
  rules: InstalledRules,
): FamilyRules[] {
  return (hasIpv6() ? ([4, 6] as const) : ([4] as const)).map((version) => {
    const destinations = machine
      .filter((one) => one.version === version && !['loopback', 'link-local'].includes(one.reach))
      .map(({ address }) => address)
    const packet = { version, port, destinations, devices: uplinks }
    return { packet, tables: tablesFor(packet, rules) }
  })
}

function readPort(
  { type, port, noStandalone }: ExamineOptions,
  familyRules: readonly FamilyRules[],
  areRulesUnread: boolean,
): PortFacts {
  const of = (version: IpVersion) =>
    forwardsOf(familyRules.find(({ packet }) => packet.version === version)?.tables ?? [])
  const forwards = { 4: of(4), 6: of(6) }
  const redirects = [...forwards[4], ...forwards[6]].flatMap((forward) =>
    forward.address === undefined && forward.port !== undefined ? [forward.port] : [],
  )
  return {
    port,
    ...ASKED[type],
    listeners: readListeners(port),
    forwards,
    redirected: [...new Set(redirects)].flatMap(readListeners),
    isStandalone: !noStandalone,
    areRulesUnread,
  }
}

async function tryIt(
  { type, port, mark, user, noStandalone, firewall, trial }: ExamineOptions,
  families: Families,
  node: Pick<ModulesReport, 'execPath' | 'version'>,
  plan: Pick<TrialRequest, 'backEnds' | 'lastResort'>,
) {
  if (process.geteuid?.() !== 0) return { reason: 'only root can', fix: 'run it as root' }
  const request = { type, port, mark, user, isStandalone: !noStandalone, families, ...plan }
  return runTrial(trial(node), firewall, request, runLong)
}
