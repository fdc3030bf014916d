/**
 * A ruleset as text for nft(8): one private table a family. Not one `inet` table for both, for a connection tracking
 * expression there would switch tracking on in both, also where only one (IPv4 with Docker's NAT, say) had it.
 *
 * Each command stands on a line of its own, as `nft -i` reads them.
 */
import { CHALLENGE_PATH_PREFIX } from '../bpf/candidate-program.js'
import { FOLLOWED_SECONDS, LONGEST_QUEUED, type IpVersion, type Ruleset } from '../ruleset.js'

/** Priority of the mangle table: after connection tracking and destination NAT, before filtering. */
const PRIORITY = -150

/** Sources followed at once where there is no connection mark. */
const FOLLOWED_SIZE = 65_535

/** `ip certbot-nfq-TAG`, as nft names a table. */
export function tableName(tag: string, version: IpVersion): string {
  return `${version === 4 ? 'ip' : 'ip6'} certbot-nfq-${tag}`
}

/**
 * One line, so one transaction: replaces the tables of this tag, if any, by the ruleset's. `isOwned` ties them to the
 * nft process.
 */
export function installLine(ruleset: Ruleset, isOwned: boolean): string {
  const tables = ruleset.families.flatMap(({ version, isTracked }) => {
    const name = tableName(ruleset.tag, version)
    const flags = isOwned ? 'flags owner; ' : ''
    // Adding first makes deleting right whether or not the table is there.
    return [
      `add table ${name} { ${flags}}`,
      `delete table ${name}`,
      `table ${name} { ${flags}${chains(ruleset, version, isTracked).join('; ')}; }`,
    ]
  })
  return `${tables.join('; ')}\n`
}

/** One line that removes these tables, which have to be there. */
export function removeLine(tag: string, versions: readonly IpVersion[]): string {
  return `${versions.map((version) => `delete table ${tableName(tag, version)}`).join('; ')}\n`
}

/**
 * Each packet passes `select`, so that has no rule it can do without: what it finds is rare, and the port is only
 * looked at then.
 */
function chains(ruleset: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const hooks = isTracked ? ['input', 'forward'] : ['input']
  return [
    followedSet(version),
    ...(ruleset.selection === 'port' ? portChains(ruleset, isTracked) : candidateChains(ruleset, version, isTracked)),
    ...hooks.map((hook) =>
      chain(hook, [`type filter hook ${hook} priority ${PRIORITY}; policy accept`, 'jump select']),
    ),
  ]
}

/** All of the ports' traffic. */
function portChains({ ports, queue }: Ruleset, isTracked: boolean): string[] {
  const toQueue = queueStatement(queue)
  return [
    chain(
      'select',
      ports.flatMap((port) => [
        ...(isTracked ? [`${originalPort(port)} ${toQueue}`] : []),
        `${plainPort(port, isTracked)} ${toQueue}`,
      ]),
    ),
  ]
}

/**
 * Candidates, and what their connections carry further: `marked` finds it by the connection mark, `followed` by its
 * source.
 */
function candidateChains({ ports, queue, mark }: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const toQueue = queueStatement(queue)
  const source = `${version === 4 ? 'ip' : 'ip6'} saddr . tcp sport`
  const bit = `0x${mark.toString(16)}`
  return [
    chain(
      'candidate',
      ports.flatMap((port) => [
        ...(isTracked ? [`${originalPort(port)} ct mark set ct mark or ${bit} ${toQueue}`] : []),
        // Two rules: when no more sources can be followed, the first ends there.
        `${plainPort(port, isTracked)} update @followed { ${source} }`,
        `${plainPort(port, isTracked)} ${toQueue}`,
      ]),
    ),
    requestChain('get-request', `GET ${CHALLENGE_PATH_PREFIX}`),
    requestChain('head-request', `HEAD ${CHALLENGE_PATH_PREFIX}`),
    chain('requests', [`@ih,0,8 ${hex('G')} goto get-request`, `@ih,0,8 ${hex('H')} goto head-request`]),
    ...(isTracked
      ? [
          chain(
            'marked',
            ports.map((port) => `${originalPort(port)} ${toQueue}`),
          ),
        ]
      : []),
    chain(
      'followed',
      ports.map((port) => `tcp dport ${port} ${source} @followed ${toQueue}`),
    ),
    chain('select', [
      ...(isTracked ? [`ct mark and ${bit} != 0 jump marked`, 'ct state untracked jump followed'] : ['jump followed']),
      // One comparison for both: most packets end here.
      `@ih,0,8 ${hex('G')}-${hex('H')} jump requests`,
    ]),
  ]
}

/** INPUT and FORWARD see the port after any DNAT; this is the one the client asked for. */
function originalPort(port: number): string {
  return `meta l4proto tcp ct direction original ct original proto-dst ${port}`
}

/** What a rule exempts from tracking has no original port; nor has it NAT. */
function plainPort(port: number, isTracked: boolean): string {
  return `tcp dport ${port}${isTracked ? ' ct state untracked' : ''}`
}

function queueStatement(queue: number): string {
  return `meta length <= ${LONGEST_QUEUED} queue flags bypass to ${queue}`
}

/**
 * A chain that goes to `candidate` unless the payload differs from `start`, as far as it reaches. `@ih` is the TCP
 * payload (Linux 5.16); a comparison past its end matches nothing, `!=` included, so a shorter payload is only compared
 * where it is. The first 16 bytes at once come first: one comparison is enough for nearly every other request.
 */
function requestChain(name: string, start: string): string {
  const differs = (at: number, text: string) => `@ih,${at * 8},${text.length * 8} != ${hex(text)} return`
  const bytes = [...start].slice(1).map((character, at) => differs(at + 1, character))
  return chain(name, [differs(0, start.slice(0, 16)), ...bytes, 'goto candidate'])
}

function followedSet(version: IpVersion): string {
  const type = `${version === 4 ? 'ipv4_addr' : 'ipv6_addr'} . inet_service`
  return `set followed { type ${type}; flags dynamic,timeout; timeout ${FOLLOWED_SECONDS}s; size ${FOLLOWED_SIZE}; }`
}

function chain(name: string, rules: readonly string[]): string {
  return `chain ${name} { ${rules.map((rule) => `${rule};`).join(' ')} }`
}

function hex(text: string): string {
  return `0x${[...text].map((character) => character.charCodeAt(0).toString(16).padStart(2, '0')).join('')}`
}
