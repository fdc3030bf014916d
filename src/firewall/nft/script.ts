/**
 * Turns a ruleset into text for nft(8): one private table for each IP version.
 *
 * One `inet` table for both would not do. A `ct` expression in it switches connection tracking on for both versions,
 * even if only one had it, such as IPv4 on a host with Docker's NAT.
 *
 * | chain | what it does |
 * |---|---|
 * | `input`, `forward` | the base chains, at the hooks for a local server and for a container behind a DNAT |
 * | `select` | every packet: looks for a followed connection, and for a payload that may be a candidate's |
 * | `starts` | calls `start-S-N` for each start of a segment |
 * | `datagrams` | every UDP packet, in place of `select`: calls `start-S-N` for each start of a datagram |
 * | `start-S-N` | start N of selector S: compares the whole start, then the key |
 * | `armed-S` | the key is armed: looks at the port |
 * | `take` | follows the connection, and queues the packet |
 * | `incomplete-S` | the payload ends before the key does: looks at the port |
 * | `undecided` | within the limits: follows the connection, by source for a short time only, and queues the packet |
 * | `unarmed-S` | the key is not armed: counts the packet, and queues a few of them a second, or goes to `others` |
 * | `others` | such keys are wanted too: goes to `take` within the limits |
 * | `limited` | what anybody can send: goes to `take` within the limits |
 * | `marked` | picks the further packets of a connection that has our connection mark, or lets it go |
 * | `followed`, `known` | the same by source address and port, where the mark is not used |
 * | `further` | queues such a further packet, within a limit |
 *
 * `nft -i` reads a transaction from one line, so each function below returns one line.
 */
import { keyLength, keyOffset, maskAt, type Selector, type Start } from '../../wire/selector.js'
import {
  FOLLOWED_SECONDS,
  FURTHER_QUEUED,
  furtherAtOnce,
  INCOMPLETE_QUEUED,
  isFollowedByMark,
  letGoMark,
  LIMITED_QUEUED,
  LONGEST_QUEUED,
  OTHERS_QUEUED,
  portsOf,
  SEEN_SECONDS,
  SOURCE_BITS,
  UNARMED_QUEUED,
  type Family,
  type Ruleset,
} from '../ruleset.js'
import type { IpVersion } from '../../wire/ip.js'

/** Priority of our hooks, that of a mangle table: after connection tracking and destination NAT, before filtering. */
const PRIORITY = -150

/** The most elements of a set that rules add to; then no more are added. */
const SET_SIZE = 65_535

/** Seconds for which the rate of an address's incomplete payloads is remembered. */
const HALVES_SECONDS = 10

/** Seconds for which the rate of a source's requests with other keys is remembered: until its limit is full again. */
const ASKERS_SECONDS = 60

/** The most bytes of a payload that nft compares in one expression. */
const LONGEST_COMPARED = 16

/** Returns the name of our table with its family, as nft takes it: `ip certbot-nfq-TAG` or `ip6 certbot-nfq-TAG`. */
export function tableName(tag: string, version: IpVersion): string {
  return `${version === 4 ? 'ip' : 'ip6'} ${PREFIX}${tag}`
}

/** Returns the tag in a table name without family; `undefined` if the table is not ours. */
export function tagOfTable(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined
}

const PREFIX = 'certbot-nfq-'

/**
 * How keys are kept. `named`: in sets with a name, to which single keys can be added. `anonymous`: in the rules
 * themselves, for versions of nft that cannot declare a set of raw payload.
 */
export type KeySets = 'named' | 'anonymous'

/**
 * Returns the line that replaces the tables of this tag, if any, by those of the ruleset. With `isOwned` they belong to
 * the nft process that reads the line.
 */
export function installLine(ruleset: Ruleset, isOwned: boolean, keySets: KeySets = 'named'): string {
  const tables = ruleset.families.flatMap((family) => {
    const name = tableName(ruleset.tag, family.version)
    const flags = isOwned ? 'flags owner; ' : ''
    // Deleting a table that does not exist is an error, so it is added first.
    return [
      `add table ${name} { ${flags}}`,
      `delete table ${name}`,
      `table ${name} { ${flags}${tableBody(ruleset, family, keySets).join('; ')}; }`,
    ]
  })
  return `${tables.join('; ')}\n`
}

/**
 * Returns the line that changes the named sets from the keys of one ruleset to those of another. The rulesets may
 * differ in their keys only.
 */
export function keysLine(before: Ruleset, after: Ruleset): string {
  const changes = after.selectors.flatMap((selector, index) => {
    const [old, wanted] = [before.selectors[index], selector].map((selector) => (selector ? keysOf(selector) : []))
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

/** Returns the counter of unarmed requests in a listing of our tables, all IP versions together. */
export function unarmedIn(listing: string): number {
  return [...listing.matchAll(/^\tcounter unarmed \{\s*packets (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}

/** Returns the line that removes our tables for these IP versions. nft refuses it when one of them does not exist. */
export function removeLine(tag: string, versions: readonly IpVersion[]): string {
  return `${versions.map((version) => `delete table ${tableName(tag, version)}`).join('; ')}\n`
}

/**
 * Returns the contents of a table. Every packet passes the chain `select`. That chain therefore has few rules and looks
 * at no port: what these rules match is rare, and the port is compared afterwards.
 */
function tableBody(ruleset: Ruleset, family: Family, keySets: KeySets): string[] {
  const { isTracked } = family
  const hooks = isTracked ? ['input', 'forward'] : ['input']
  const isPort = ruleset.selection === 'port'
  return [
    ...(isPort ? portChains(ruleset, isTracked) : candidateChains(ruleset, family, keySets)),
    ...hooks.map((hook) =>
      chain(hook, [
        `type filter hook ${hook} priority ${PRIORITY}; policy accept`,
        ...(isPort ? ['jump select'] : entries(ruleset)),
      ]),
    ),
  ]
}

/** Returns the rules that begin the base chains. Segments and datagrams do not pass each other's chains. */
function entries({ selectors }: Ruleset): string[] {
  if (selectors.every(({ transport }) => transport === 'tcp')) return ['jump select']
  return ['meta l4proto tcp jump select', 'meta l4proto udp jump datagrams']
}

/** Returns the chain of the selection `port`: it queues all traffic of the ports. */
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
 * Returns the sets and chains of the selection `prefilter`, as the table at the top of this file lists them. A packet
 * that the responder sends through the hook once more has the let-go mark. It ends the following of its connection, and
 * is accepted.
 */
function candidateChains(ruleset: Ruleset, family: Family, keySets: KeySets): string[] {
  const { selectors, queue, mark } = ruleset
  const { version, isTracked } = family
  const byMark = isFollowedByMark(family)
  const toQueue = queueStatement(queue)
  const address = `${version === 4 ? 'ip' : 'ip6'} saddr`
  const source = `${address} . tcp sport`
  const bit = `0x${mark.toString(16)}`
  const [isLetGo, unmark] = [isMarked(letGoMark(ruleset)), withoutMark(letGoMark(ruleset))]
  const ports = portsOf(ruleset, 'tcp')
  const segments = selectors.filter(({ transport }) => transport === 'tcp')
  const toStarts = [...new Set(segments.map(({ starts }) => gate(starts)))].map((begins) => `${begins} jump starts`)
  // A full set ends a rule that adds to it. So the packet is queued by another rule.
  const follow = (verb: 'add' | 'update', seconds: number) => [
    ...(byMark ? [`ct state != untracked ct mark set ct mark or ${bit} ${toQueue}`] : []),
    `${verb} @followed { ${source} timeout ${seconds}s }`,
    toQueue,
  ]
  const { perAddress, inAll } = INCOMPLETE_QUEUED
  const wantsOthers = selectors.some((selector) => selector.wantsOthers)
  const isLimited = selectors.some((selector) => selector.isLimited)
  return [
    ...(selectors.some(({ keys }) => keys !== 'any') ? ['counter unarmed { }'] : []),
    dynamicSet('followed', `${addressType(version)} . inet_service`, FOLLOWED_SECONDS.armed),
    dynamicSet('seen', `${addressType(version)} . inet_service`, SEEN_SECONDS),
    dynamicSet('halves', addressType(version), HALVES_SECONDS),
    ...(wantsOthers ? [dynamicSet('askers', addressType(version), ASKERS_SECONDS)] : []),
    ...(isLimited ? [dynamicSet('limited-askers', addressType(version), ASKERS_SECONDS)] : []),
    ...selectors.flatMap((selector, index) =>
      selector.keys === 'any' || keySets === 'anonymous' ? [] : [keySet(index + 1, selector)],
    ),
    // Only an armed key renews the time limit, so a forged incomplete payload cannot shorten it.
    chain('take', follow('update', FOLLOWED_SECONDS.armed)),
    chain('undecided', [
      `add @halves { ${address} limit rate over ${perAddress}/second burst ${perAddress} packets } return`,
      `${byMark ? 'ct state untracked ' : ''}${source} @seen return`,
      `limit rate over ${inAll}/second burst ${inAll} packets return`,
      `${byMark ? 'ct state untracked ' : ''}add @seen { ${source} }`,
      ...follow('add', FOLLOWED_SECONDS.incomplete),
    ]),
    ...(wantsOthers ? [chain('others', [...limits(version, 'askers', OTHERS_QUEUED), 'goto take'])] : []),
    ...(isLimited
      ? [
          chain('limited', [
            `${isLetGo} ${unmark} accept`,
            ...limits(version, 'limited-askers', LIMITED_QUEUED),
            'goto take',
          ]),
        ]
      : []),
    chain('further', [
      `limit rate ${FURTHER_QUEUED.perSecond}/second burst ${furtherAtOnce(ruleset)} packets ${toQueue}`,
    ]),
    ...selectors.flatMap((selector, index) =>
      selectorChains(selector, index + 1, { toQueue, isTracked, keySets, onward: `${isLetGo} ${unmark} accept` }),
    ),
    chain('starts', startJumps(selectors, 'tcp')),
    ...(segments.length < selectors.length ? [chain('datagrams', startJumps(selectors, 'udp'))] : []),
    ...(byMark
      ? [
          chain('marked', [
            `${isLetGo} ct mark set ct mark and ${complement(mark)} ${unmark} accept`,
            ...ports.map((port) => `${originalPort('tcp', port)} goto further`),
          ]),
        ]
      : []),
    // A candidate with an armed key renews the time limit.
    chain('known', [`${isLetGo} delete @followed { ${source} } ${unmark} accept`, ...toStarts, 'goto further']),
    chain(
      'followed',
      (byMark ? ports.map((port) => `tcp dport ${port}`) : destinations({ transport: 'tcp', ports }, isTracked)).map(
        (to) => `${to} ${source} @followed goto known`,
      ),
    ),
    chain('select', [
      ...(byMark ? [`ct mark and ${bit} != 0 jump marked`, 'ct state untracked jump followed'] : ['jump followed']),
      // Most packets do not match these rules, and leave the chain here. There is one for each selector.
      ...toStarts,
    ]),
  ]
}

/** Returns the rules that call the chain of each start of a transport. */
function startJumps(selectors: readonly Selector[], transport: Selector['transport']): string[] {
  return selectors.flatMap((selector, index) =>
    selector.transport !== transport
      ? []
      : selector.starts.map((start, place) => {
          const { length } = start.bytes
          // A datagram is complete, so all of its first bytes are there to compare.
          const begins =
            transport === 'tcp' ? gate([start]) : compared(start, 0, Math.min(length, LONGEST_COMPARED), '==')
          return `${begins} jump start-${index + 1}-${place + 1}`
        }),
  )
}

/** Returns the rules that turn away what is beyond limits, with the set that counts each source. */
function limits(
  version: IpVersion,
  askers: string,
  { perSource, inAll }: typeof OTHERS_QUEUED | typeof LIMITED_QUEUED,
): string[] {
  const source = version === 4 ? 'ip saddr' : `ip6 saddr and ${PREFIX_MASK}`
  return [
    `add @${askers} { ${source} limit rate over ${perSource.perSecond}/second burst ${perSource.atOnce} packets } return`,
    `limit rate over ${inAll.perSecond}/second burst ${inAll.atOnce} packets return`,
  ]
}

/** The mask of {@link SOURCE_BITS} bits. */
const PREFIX_MASK = `${Array(SOURCE_BITS / 16)
  .fill('ffff')
  .join(':')}::`

/** What the chains of all selectors have in common. */
interface Following {
  readonly toQueue: string
  readonly isTracked: boolean
  readonly keySets: KeySets
  /** The rule for a copy that was queued before, and passes here again with the let-go mark. */
  readonly onward: string
}

/** Returns the chains of one selector: those that compare its starts, and those that these go to. */
function selectorChains(selector: Selector, place: number, following: Following): string[] {
  const { transport, starts, keys, wantsOthers, isLimited } = selector
  const { toQueue, isTracked, keySets, onward } = following
  const to = (onwards: string) => destinations(selector, isTracked).map((destination) => `${destination} ${onwards}`)
  const chains = [chain(`armed-${place}`, to(transport === 'udp' ? toQueue : isLimited ? 'goto limited' : 'goto take'))]
  if (transport === 'tcp') chains.push(chain(`incomplete-${place}`, to('goto undecided')))
  if (keys !== 'any')
    chains.push(
      chain(`unarmed-${place}`, [
        onward,
        ...to(`counter name unarmed ${wantsOthers ? 'goto others' : `limit rate ${UNARMED_QUEUED}/second ${toQueue}`}`),
      ]),
    )
  return [...chains, ...starts.map((start, index) => startChain(selector, start, place, index + 1, keySets))]
}

/**
 * Returns the chain that compares the whole start and the key after it. Its first rule compares the first 16 bytes,
 * where nearly all other payloads differ. A comparison past the end of the payload never matches, `!=` included. So a
 * payload that ends early passes every rule down to the last one.
 */
function startChain(selector: Selector, start: Start, place: number, index: number, keySets: KeySets): string {
  const { transport, keys } = selector
  const pieces = range(Math.ceil(start.bytes.length / LONGEST_COMPARED)).map((piece) => ({
    at: piece * LONGEST_COMPARED,
    length: Math.min(LONGEST_COMPARED, start.bytes.length - piece * LONGEST_COMPARED),
  }))
  const whole = pieces.map(({ at, length }) => compared(start, at, length, '==')).join(' ')
  const key = keyIn(selector, start)
  const last = payload(keyOffset(start) + keyLength(selector) - 1, 1)
  // An anonymous set cannot be empty.
  const set = keySets === 'named' ? `@keys-${place}` : keysOf(selector).length === 0 ? '' : elementsOf(selector)
  return chain(`start-${place}-${index}`, [
    ...pieces.slice(0, 1).map(({ at, length }) => `${compared(start, at, length, '!=')} return`),
    ...(keys === 'any'
      ? [`${whole} goto armed-${place}`]
      : [
          ...(set === '' ? [] : [`${whole} ${key} ${set} goto armed-${place}`]),
          `${whole} ${set === '' ? `${last} & 0x0 == 0x0` : `${key} != ${set}`} goto unarmed-${place}`,
        ]),
    // A TCP payload may be continued in the next segment. A datagram is complete.
    ...(transport === 'tcp'
      ? [
          ...range(start.bytes.length)
            .filter((at) => maskAt(start, at) !== 0)
            .map((at) => `${compared(start, at, 1, '!=')} return`),
          `goto incomplete-${place}`,
        ]
      : []),
  ])
}

/**
 * Returns a condition of one comparison that every payload with one of these starts meets. Other payloads may meet it
 * too, an empty one never does.
 */
function gate(starts: readonly Start[]): string {
  const [only] = starts
  if (only?.offset === 0 && starts.length === 1 && maskAt(only, 0) !== 0xff) return compared(only, 0, 1, '==')
  // Matches any first byte. An empty payload has none.
  if (starts.some((start) => start.offset !== 0 || maskAt(start, 0) !== 0xff)) return `${payload(0, 1)} & 0x0 == 0x0`
  const [least = 0, most = 0] = [Math.min, Math.max].map((of) => of(...starts.map(({ bytes }) => bytes[0] ?? 0)))
  return `${payload(0, 1)} ${hex([least])}${least === most ? '' : `-${hex([most])}`}`
}

/** Returns a comparison of `length` bytes of the start, from its byte `at` on, with the payload. */
function compared(start: Start, at: number, length: number, operator: '==' | '!='): string {
  const places = range(length).map((index) => at + index)
  const masks = places.map((place) => maskAt(start, place))
  const mask = masks.every((bits) => bits === 0xff) ? '' : ` & ${hex(masks)}`
  const value = hex(places.map((place) => (start.bytes[place] ?? 0) & maskAt(start, place)))
  return `${payload(start.offset + at, length)}${mask} ${operator} ${value}`
}

/** Returns an expression for bytes of the payload, after the TCP or UDP header (`@ih`, in bits; Linux 5.16). */
function payload(at: number, length: number): string {
  return `@ih,${at * 8},${length * 8}`
}

/** Returns the matches for a selector's ports, tracked and untracked. */
function destinations({ transport, ports }: Pick<Selector, 'transport' | 'ports'>, isTracked: boolean): string[] {
  return ports.flatMap((port) => [
    ...(isTracked ? [originalPort(transport, port)] : []),
    plainPort(transport, port, isTracked),
  ])
}

/** Returns a match of the port that the client connected to. At our hooks, `dport` is the port after any DNAT. */
function originalPort(transport: Selector['transport'], port: number): string {
  return `meta l4proto ${transport} ct direction original ct original proto-dst ${port}`
}

/** Returns a match of the port of untracked packets. They have no original port, and no NAT. */
function plainPort(transport: Selector['transport'], port: number, isTracked: boolean): string {
  return `${transport} dport ${port}${isTracked ? ' ct state untracked' : ''}`
}

/** Returns a condition: this bit of the packet mark is set. */
function isMarked(bit: number): string {
  return `meta mark and 0x${bit.toString(16)} != 0`
}

/** Returns a statement that clears this bit of the packet mark. */
function withoutMark(bit: number): string {
  return `meta mark set meta mark and ${complement(bit)}`
}

/** Returns a mask of all other bits. */
function complement(bit: number): string {
  return `0x${(~bit >>> 0).toString(16)}`
}

function queueStatement(queue: number): string {
  return `meta length <= ${LONGEST_QUEUED} queue flags bypass to ${queue}`
}

/** Declares a set that rules add to. Its elements are forgotten after so many seconds, unless a rule says otherwise. */
function dynamicSet(name: string, type: string, seconds: number): string {
  return `set ${name} { type ${type}; flags dynamic,timeout; timeout ${seconds}s; size ${SET_SIZE}; }`
}

function addressType(version: IpVersion): string {
  return version === 4 ? 'ipv4_addr' : 'ipv6_addr'
}

/** Declares a set of keys. nft has no type for them, so `typeof` names bytes of that length at the payload's start. */
function keySet(place: number, selector: Selector): string {
  const elements = keysOf(selector).length === 0 ? '' : ` elements = ${elementsOf(selector)};`
  return `set keys-${place} { typeof ${payload(0, keyLength(selector))};${elements} }`
}

/** Returns an expression for the key after a start, as far as it is compared. */
function keyIn(selector: Selector, start: Start): string {
  const [length, mask] = [keyLength(selector), selector.keyMask]
  return `${payload(keyOffset(start), length)}${mask === undefined ? '' : ` & ${hex(range(length).map(() => mask))}`}`
}

/** Returns the keys of a selector as numbers, each once, without the bits that are not compared. */
function keysOf({ keys, keyMask = 0xff }: Selector): string[] {
  return keys === 'any' ? [] : [...new Set(keys.map((key) => hex(key.map((byte) => byte & keyMask))))]
}

function elementsOf(selector: Selector): string {
  return `{ ${keysOf(selector).join(', ')} }`
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
