/** The items of `nft --json list ruleset` (libnftables-json(5)), as chains. Pure. */
import type { Chain, Rule, Table, Target } from './chains.js'
import { judgeCondition, listOf, objectOf, wordOf, type Json } from './nft-conditions.js'
import { all, type Match, type Packet } from './packet.js'

/** Returns the tables that a packet of this family meets, with each rule judged for it. */
export function tablesOfNft(items: readonly Json[], packet: Packet): Table[] {
  const families = ['inet', packet.version === 6 ? 'ip6' : 'ip']
  const tables = new Map<
    string,
    { origin: string; name: string; chains: Map<string, Omit<Chain, 'rules'> & { rules: Rule[] }> }
  >()
  for (const item of items) {
    const { family, name } = objectOf(item['table'])
    if (families.includes(wordOf(family)))
      tables.set(`${wordOf(family)} ${wordOf(name)}`, {
        origin: `nft ${wordOf(family)} ${wordOf(name)}`,
        name: wordOf(name),
        chains: new Map(),
      })
  }
  for (const item of items) {
    const { family, table, name, hook, policy } = objectOf(item['chain'])
    const chain = {
      hook: hook === undefined ? undefined : wordOf(hook),
      policy: policy === 'drop' ? ('drop' as const) : ('accept' as const),
      rules: [],
    }
    tables.get(`${wordOf(family)} ${wordOf(table)}`)?.chains.set(wordOf(name), chain)
  }
  for (const item of items) {
    const { family, table, chain, expr, handle } = objectOf(item['rule'])
    const rules = tables.get(`${wordOf(family)} ${wordOf(table)}`)?.chains.get(wordOf(chain))?.rules
    rules?.push(
      ...judgeRule(
        listOf(expr).map(objectOf),
        `the rule of chain ${wordOf(chain)} with handle ${String(handle)}`,
        packet,
      ),
    )
  }
  return [...tables.values()]
}

/** Returns one rule, or one for each entry of a verdict map. */
function judgeRule(statements: readonly Json[], text: string, packet: Packet): Rule[] {
  const conditions: Match[] = []
  const rules: Rule[] = []
  for (const statement of statements) {
    const [kind = '', value] = Object.entries(statement)[0] ?? []
    const target = targetOf(kind, value)
    const destinations = objectOf(objectOf(objectOf(value)['addr'])['map'])
    if (target?.kind === 'forward' && 'key' in destinations)
      rules.push(
        ...judgeDestinations(destinations, packet).map(({ match, target }) => ({
          match: all([...conditions, match]),
          target,
          text,
        })),
      )
    else if (target) rules.push({ match: all(conditions), target, text })
    else if (kind === 'vmap')
      rules.push(
        ...judgeMap(objectOf(value), packet).map(({ match, target }) => ({
          match: all([...conditions, match]),
          target,
          text,
        })),
      )
    else if (kind === 'match') conditions.push(judgeCondition(objectOf(value), packet))
    else if (!NEUTRAL.includes(kind)) conditions.push('maybe')
  }
  return rules
}

/** Statements that every packet passes. */
const NEUTRAL = ['counter', 'log', 'comment', 'mangle', 'meta', 'ct helper']

function judgeMap({ key, data }: Json, packet: Packet): { match: Match; target: Target }[] {
  return listOf(objectOf(data)['set']).flatMap((entry) => {
    const [value, verdict] = listOf(entry)
    const [kind = '', operand] = Object.entries(objectOf(verdict))[0] ?? []
    const target = targetOf(kind, operand)
    return target ? [{ match: judgeCondition({ op: '==', left: key, right: value }, packet), target }] : []
  })
}

/** Returns one target for each entry of a map that a destination NAT takes its address from. */
function judgeDestinations({ key, data }: Json, packet: Packet): { match: Match; target: Target }[] {
  return listOf(objectOf(data)['set']).map((entry) => {
    const [value, to] = listOf(entry)
    const [addr, port] = typeof to === 'string' ? [to] : listOf(objectOf(to)['concat'])
    const target = targetOf('dnat', { addr, port }) ?? { kind: 'other' }
    return { match: judgeCondition({ op: '==', left: key, right: value }, packet), target }
  })
}

function targetOf(kind: string, value: unknown): Target | undefined {
  const { target, addr, port } = objectOf(value)
  switch (kind) {
    case 'accept':
    case 'return':
      return { kind }
    case 'drop':
    case 'reject':
      return { kind: 'drop' }
    case 'jump':
    case 'goto':
      return { kind, chain: wordOf(target) }
    case 'notrack':
      return { kind: 'untrack' }
    case 'dnat':
    case 'redirect':
      return {
        kind: 'forward',
        ...(typeof addr === 'string' && { address: addr }),
        ...(typeof port === 'number' && { port }),
      }
    default:
      return undefined
  }
}
