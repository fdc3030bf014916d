/**
 * A ruleset as text for nft(8): one private table a family. Not one `inet` table for both, for a connection tracking expression
 * there would switch tracking on in both, also where only one (IPv4 with Docker's NAT, say) had it.
 *
 * Each command stands on a line of its own, as `nft -i` reads them.
 */
import { CHALLENGE_PATH_PREFIX } from './candidate-program.js'
import { FOLLOWED_SECONDS, LONGEST_QUEUED, type IpVersion, type Ruleset } from './ruleset.js'

/** Priority of the mangle table: after connection tracking and destination NAT, before filtering. */
const PRIORITY = -150

/** Sources followed at once where there is no connection mark. */
const FOLLOWED_SIZE = 65_535

/** `ip certbot-nfq-TAG`, as nft names a table. */
export function tableName(tag: string, version: IpVersion): string {
  return `${version === 4 ? 'ip' : 'ip6'} certbot-nfq-${tag}`
}

/** One line, so one transaction: replaces the tables of this tag, if any, by the ruleset's. `isOwned` ties them to the nft process. */
export function installLine(ruleset: Ruleset, isOwned: boolean): string {
  const tables = ruleset.families.flatMap(({ version, isTracked }) => {
    const name = tableName(ruleset.tag, version)
    const flags = isOwned ? 'flags owner; ' : ''
    // Adding first makes deleting right whether or not the table is there.
    return [`add table ${name} { ${flags}}`, `delete table ${name}`, `table ${name} { ${flags}${chains(ruleset, version, isTracked).join('; ')}; }`]
  })
  return `${tables.join('; ')}\n`
}

/** One line that removes these tables, which have to be there. */
export function removeLine(tag: string, versions: readonly IpVersion[]): string {
  return `${versions.map((version) => `delete table ${tableName(tag, version)}`).join('; ')}\n`
}

function chains(ruleset: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const hooks = isTracked ? ['input', 'forward'] : ['input']
  return [
    followedSet(version),
    ...selectionChains(ruleset, version, isTracked),
    chain('ports', [
      `meta length > ${LONGEST_QUEUED} return`,
      ...ruleset.ports.flatMap((port) => portRules(port, isTracked)),
    ]),
    ...hooks.map((hook) => chain(hook, [`type filter hook ${hook} priority ${PRIORITY}; policy accept`, 'jump ports'])),
  ]
}

/** INPUT and FORWARD see the port after any DNAT; `ct original` is the one the client asked for. */
function portRules(port: number, isTracked: boolean): string[] {
  if (!isTracked) return [`tcp dport ${port} jump untracked`]
  return [
    `meta l4proto tcp ct direction original ct original proto-dst ${port} jump tracked`,
    // What a rule exempts from tracking has no original port; nor has it NAT.
    `tcp dport ${port} ct state untracked jump untracked`,
  ]
}

/** Chains `tracked` and `untracked`, and what they need: a connection that had a candidate is followed by its mark, or by its source. */
function selectionChains({ queue, mark, selection }: Ruleset, version: IpVersion, isTracked: boolean): string[] {
  const toQueue = `queue flags bypass to ${queue}`
  if (selection === 'port') return [chain('untracked', [toQueue]), ...(isTracked ? [chain('tracked', [toQueue])] : [])]
  const source = `${version === 4 ? 'ip' : 'ip6'} saddr . tcp sport`
  const bit = `0x${mark.toString(16)}`
  // Two rules: when no more sources can be followed, the first ends there.
  const followSource = `update @followed { ${source} }`
  return [
    chain('candidate', isTracked ? [`ct state untracked ${followSource} ${toQueue}`, `ct mark set ct mark or ${bit} ${toQueue}`] : [followSource, toQueue]),
    requestChain('get-request', `GET ${CHALLENGE_PATH_PREFIX}`),
    requestChain('head-request', `HEAD ${CHALLENGE_PATH_PREFIX}`),
    chain('requests', [`@ih,0,8 ${hex('G')} goto get-request`, `@ih,0,8 ${hex('H')} goto head-request`]),
    ...(isTracked ? [chain('tracked', [`ct mark and ${bit} != 0 ${toQueue}`, 'goto requests'])] : []),
    chain('untracked', [`${source} @followed ${toQueue}`, 'goto requests']),
  ]
}

/**
 * A chain that goes to `candidate` unless the payload differs from `start`, as far as it reaches. `@ih` is the TCP payload (Linux 5.16);
 * a comparison past its end matches nothing, `!=` included, so a shorter payload is only compared where it is. The first 16 bytes
 * at once come first: one comparison is enough for nearly every other request.
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
