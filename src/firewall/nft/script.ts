/**
 * A ruleset as text for nft(8): one private table a family. Not one `inet` table for both, for a connection tracking
 * expression there would switch tracking on in both, also where only one (IPv4 with Docker's NAT, say) had it.
 *
 * Each command stands on a line of its own, as `nft -i` reads them.
 */
import { KEY_LENGTH, keyOffset, maskAt, type Selector, type Start } from '../../wire/selector.js'
import { FOLLOWED_SECONDS, letGoMark, LONGEST_QUEUED, portsOf, UNARMED_QUEUED, type Ruleset } from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

/** Priority of the mangle table: after connection tracking and destination NAT, before filtering. */
const PRIORITY = -150

/** Sources followed at once where there is no connection mark. */
const FOLLOWED_SIZE = 65_535

/** The most bytes of a payload that nft compares at once. */
const LONGEST_COMPARED = 16

/** Returns `ip certbot-nfq-TAG`, as nft names a table. */
export function tableName(tag: string, version: IpVersion): string {
  return `${version === 4 ? 'ip' : 'ip6'} ${PREFIX}${tag}`
}

/** Returns the tag in the name of one of our tables, given without its family; `undefined` for every other name. */
export function tagOfTable(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined
}

const PREFIX = 'certbot-nfq-'

/**
 * How keys are kept: in sets with names, of which single keys can be added and taken away, or as they stand in the
 * rules, for an nft that cannot declare a set of raw payload.
 */
export type KeySets = 'named' | 'anonymous'

/**
 * One line, so one transaction: replaces the tables of this tag, if any, by the ruleset's. `isOwned` ties them to the
 * nft process.
 */
export function installLine(ruleset: Ruleset, isOwned: boolean, keySets: KeySets = 'named'): string {
  const tables = ruleset.families.flatMap(({ version, isTracked }) => {
    const name = tableName(ruleset.tag, version)
    const flags = isOwned ? 'flags owner; ' : ''
    // Adding first makes deleting right whether or not the table is there.
    return [
      `add table ${name} { ${flags}}`,
      `delete table ${name}`,
      `table ${name} { ${flags}${tableBody(ruleset, version, isTracked, keySets).join('; ')}; }`,
    ]
  })
  return `${tables.join('; ')}\n`
}

/**
 * One line that turns the named sets of keys from those of one ruleset into those of another, which has other keys
 * only.
 */
export function keysLine(before: Ruleset, after: Ruleset): string {
  const changes = after.selectors.flatMap(({ keys }, index) => {
    const [old, wanted] = [before.selectors[index]?.keys ?? [], keys].map((keys) =>
      keys === 'any' ? [] : keys.map((key) => hex(key)),
    )
    const commands = [
      ['add', wanted?.filter((key) => !old?.includes(key))],
      ['delete', old?.filter((key) => !wanted?.includes(key))],
    ] as const
    return after.families.flatMap(({ version }) =>
      commands.flatMap(([verb, keys = []]) =>
        keys.length === 0
          ? []
          : [`${verb} element ${tableName(after.tag, version)} keys-${index + 1} { ${keys.join(', ')} }`],
      ),
    )
  })
  return `${changes.join('; ')}\n`
}

/** What a listing of our tables says was counted of requests with keys that nobody has armed. */
export function unarmedIn(listing: string): number {
  return [...listing.matchAll(/^\tcounter unarmed \{\s*packets (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}

/** One line that removes these tables, which have to be there. */
export function removeLine(tag: string, versions: readonly IpVersion[]): string {
  return `${versions.map((version) => `delete table ${tableName(tag, version)}`).join('; ')}\n`
}

/**
 * Each packet passes `select`, so that has no rule it can do without: what it finds is rare, and the port is only
 * looked at then.
 */
function tableBody(ruleset: Ruleset, version: IpVersion, isTracked: boolean, keySets: KeySets): string[] {
  const hooks = isTracked ? ['input', 'forward'] : ['input']
  return [
    ...(ruleset.selection === 'port'
      ? portChains(ruleset, isTracked)
      : candidateChains(ruleset, version, isTracked, keySets)),
    ...hooks.map((hook) =>
      chain(hook, [`type filter hook ${hook} priority ${PRIORITY}; policy accept`, 'jump select']),
    ),
  ]
}

/** All of the ports' traffic. */
function portChains({ selectors, queue }: Ruleset, isTracked: boolean): string[] {
  const toQueue = queueStatement(queue)
  return [
    chain(
      'select',
      selectors.flatMap((selector) => destinations(selector, isTracked)).map((to) => `${to} ${toQueue}`),
    ),
  ]
}

/**
 * Candidates, and what their connections carry further: `marked` finds it by the connection mark, `followed` by its
 * source. A packet that comes once more, with a mark, lets its connection go, and goes on. Chains that end in a number
 * are a selector's, or a start's of one.
 */
function candidateChains(ruleset: Ruleset, version: IpVersion, isTracked: boolean, keySets: KeySets): string[] {
  const { selectors, queue, mark } = ruleset
  const toQueue = queueStatement(queue)
  const source = `${version === 4 ? 'ip' : 'ip6'} saddr . tcp sport`
  const bit = `0x${mark.toString(16)}`
  const [isLetGo, unmark] = [isMarked(letGoMark(ruleset)), withoutMark(letGoMark(ruleset))]
  const ports = portsOf(ruleset, 'tcp')
  return [
    ...(selectors.some(({ keys }) => keys !== 'any') ? ['counter unarmed { }'] : []),
    followedSet(version),
    ...selectors.flatMap(({ keys }, index) =>
      keys === 'any' || keySets === 'anonymous' ? [] : [keySet(index + 1, keys)],
    ),
    ...selectors.flatMap((selector, index) =>
      selectorChains(selector, index + 1, {
        toQueue,
        source,
        bit,
        isTracked,
        keySets,
        onward: `${isLetGo} ${unmark} accept`,
      }),
    ),
    chain(
      'starts',
      selectors.flatMap(({ starts }, index) =>
        starts.map((start, place) => `${gate([start])} jump start-${index + 1}-${place + 1}`),
      ),
    ),
    ...(isTracked
      ? [
          chain('marked', [
            `${isLetGo} ct mark set ct mark and ${complement(mark)} ${unmark} accept`,
            ...ports.map((port) => `${originalPort('tcp', port)} ${toQueue}`),
          ]),
        ]
      : []),
    chain('known', [`${isLetGo} delete @followed { ${source} } ${unmark} accept`, toQueue]),
    chain(
      'followed',
      ports.map((port) => `tcp dport ${port} ${source} @followed goto known`),
    ),
    chain('select', [
      ...(isTracked ? [`ct mark and ${bit} != 0 jump marked`, 'ct state untracked jump followed'] : ['jump followed']),
      // Most packets end here.
      `${gate(selectors.flatMap(({ starts }) => starts))} jump starts`,
    ]),
  ]
}

interface Following {
  readonly toQueue: string
  readonly source: string
  readonly bit: string
  readonly isTracked: boolean
  readonly keySets: KeySets
  /** For a copy that was queued and comes once more. */
  readonly onward: string
}

/**
 * What is said of a whole packet only once its port is known: `armed` has a key that is, `unarmed` has another, and
 * `incomplete` ends too early to tell.
 */
function selectorChains(selector: Selector, place: number, following: Following): string[] {
  const { transport, starts, keys } = selector
  const { toQueue, isTracked, keySets, onward } = following
  const chains = [chain(`armed-${place}`, taken(selector, following, 'armed'))]
  if (transport === 'tcp') chains.push(chain(`incomplete-${place}`, taken(selector, following, 'incomplete')))
  if (keys !== 'any')
    chains.push(
      chain(`unarmed-${place}`, [
        onward,
        ...destinations(selector, isTracked).map(
          (to) => `${to} counter name unarmed limit rate ${UNARMED_QUEUED}/second ${toQueue}`,
        ),
      ]),
    )
  return [...chains, ...starts.map((start, index) => startChain(selector, start, place, index + 1, keySets))]
}

/**
 * Compares the whole start, and the key behind it. Nearly every other payload ends at its first 16 bytes. A comparison
 * past the end of the payload matches nothing, `!=` included: what ends too early passes all of them.
 */
function startChain(
  { transport, keys }: Selector,
  start: Start,
  place: number,
  index: number,
  keySets: KeySets,
): string {
  const pieces = range(Math.ceil(start.bytes.length / LONGEST_COMPARED)).map((piece) => ({
    at: piece * LONGEST_COMPARED,
    length: Math.min(LONGEST_COMPARED, start.bytes.length - piece * LONGEST_COMPARED),
  }))
  const whole = pieces.map(({ at, length }) => compared(start, at, length, '==')).join(' ')
  const key = payload(keyOffset(start), KEY_LENGTH)
  // An anonymous set cannot be empty.
  const set = keySets === 'named' ? `@keys-${place}` : keys === 'any' || keys.length === 0 ? '' : elementsOf(keys)
  return chain(`start-${place}-${index}`, [
    ...pieces.slice(0, 1).map(({ at, length }) => `${compared(start, at, length, '!=')} return`),
    ...(keys === 'any'
      ? [`${whole} goto armed-${place}`]
      : [
          ...(set === '' ? [] : [`${whole} ${key} ${set} goto armed-${place}`]),
          `${whole} ${set === '' ? `${payload(keyOffset(start) + KEY_LENGTH - 1, 1)} & 0x0 == 0x0` : `${key} != ${set}`} goto unarmed-${place}`,
        ]),
    // A datagram is whole.
    ...(transport === 'tcp'
      ? [...range(start.bytes.length).map((at) => `${compared(start, at, 1, '!=')} return`), `goto incomplete-${place}`]
      : []),
  ])
}

/** Queues the packet, and follows its connection; nobody makes that shorter who does not know an armed key. */
function taken(
  { transport, ports }: Selector,
  { toQueue, source, bit, isTracked }: Following,
  state: keyof typeof FOLLOWED_SECONDS,
): string[] {
  const verb = state === 'armed' ? 'update' : 'add'
  return ports.flatMap((port) => {
    const plain = plainPort(transport, port, isTracked)
    if (transport === 'udp')
      return [...(isTracked ? [`${originalPort(transport, port)} ${toQueue}`] : []), `${plain} ${toQueue}`]
    return [
      ...(isTracked ? [`${originalPort(transport, port)} ct mark set ct mark or ${bit} ${toQueue}`] : []),
      // Two rules: when no more sources can be followed, the first ends there.
      `${plain} ${verb} @followed { ${source} timeout ${FOLLOWED_SECONDS[state]}s }`,
      `${plain} ${toQueue}`,
    ]
  })
}

/**
 * A condition that every payload meets which begins like one of these, as well as one comparison can say so. None is
 * met by an empty payload.
 */
function gate(starts: readonly Start[]): string {
  // Any byte, as long as there is one.
  if (starts.some((start) => start.offset !== 0 || maskAt(start, 0) !== 0xff)) return `${payload(0, 1)} & 0x0 == 0x0`
  const [least = 0, most = 0] = [Math.min, Math.max].map((of) => of(...starts.map(({ bytes }) => bytes[0] ?? 0)))
  return `${payload(0, 1)} ${hex([least])}${least === most ? '' : `-${hex([most])}`}`
}

/** Compares so many bytes of the payload with those of the start at an index. */
function compared(start: Start, at: number, length: number, operator: '==' | '!='): string {
  const places = range(length).map((index) => at + index)
  const masks = places.map((place) => maskAt(start, place))
  const mask = masks.every((bits) => bits === 0xff) ? '' : ` & ${hex(masks)}`
  const value = hex(places.map((place) => (start.bytes[place] ?? 0) & maskAt(start, place)))
  return `${payload(start.offset + at, length)}${mask} ${operator} ${value}`
}

/** Bytes of the payload (Linux 5.16): what follows the TCP or UDP header. */
function payload(at: number, length: number): string {
  return `@ih,${at * 8},${length * 8}`
}

/** Every way to a selector's ports. */
function destinations({ transport, ports }: Selector, isTracked: boolean): string[] {
  return ports.flatMap((port) => [
    ...(isTracked ? [originalPort(transport, port)] : []),
    plainPort(transport, port, isTracked),
  ])
}

/** INPUT and FORWARD see the port after any DNAT; this is the one the client asked for. */
function originalPort(transport: Selector['transport'], port: number): string {
  return `meta l4proto ${transport} ct direction original ct original proto-dst ${port}`
}

/** What a rule exempts from tracking has no original port; nor has it NAT. */
function plainPort(transport: Selector['transport'], port: number, isTracked: boolean): string {
  return `${transport} dport ${port}${isTracked ? ' ct state untracked' : ''}`
}

/** Whether a packet has a bit of the packet mark. */
function isMarked(bit: number): string {
  return `meta mark and 0x${bit.toString(16)} != 0`
}

function withoutMark(bit: number): string {
  return `meta mark set meta mark and ${complement(bit)}`
}

/** All other bits. */
function complement(bit: number): string {
  return `0x${(~bit >>> 0).toString(16)}`
}

function queueStatement(queue: number): string {
  return `meta length <= ${LONGEST_QUEUED} queue flags bypass to ${queue}`
}

function followedSet(version: IpVersion): string {
  const type = `${version === 4 ? 'ipv4_addr' : 'ipv6_addr'} . inet_service`
  return `set followed { type ${type}; flags dynamic,timeout; timeout ${FOLLOWED_SECONDS.armed}s; size ${FOLLOWED_SIZE}; }`
}

/** Keys have no name of their own in nft: their type is that of such bytes in a payload, wherever they stand. */
function keySet(place: number, keys: readonly Uint8Array[]): string {
  const elements = keys.length === 0 ? '' : ` elements = ${elementsOf(keys)};`
  return `set keys-${place} { typeof ${payload(0, KEY_LENGTH)};${elements} }`
}

function elementsOf(keys: readonly Uint8Array[]): string {
  return `{ ${keys.map(hex).join(', ')} }`
}

function chain(name: string, rules: readonly string[]): string {
  return `chain ${name} { ${rules.map((rule) => `${rule};`).join(' ')} }`
}

function range(length: number): number[] {
  return [...Array(length).keys()]
}

function hex(bytes: Iterable<number>): string {
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
