/** What `iptables-save` prints, as chains. Pure. */
import type { Chain, Rule, Table, Target } from './chains.js'
import { all, any, destinationWithin, deviceIs, not, portWithin, type Match, type Packet } from './packet.js'

/** Matches that mean nothing without an option of their own. */
const PLAIN_MODULES = ['tcp', 'comment', 'conntrack', 'state', 'multiport', 'addrtype']

/** Returns the tables in the text, with each rule judged for the packet. `program` becomes part of the origin. */
export function tablesOfSave(text: string, program: string, packet: Packet): Table[] {
  return text
    .split(/^\*/m)
    .slice(1)
    .map((part) => {
      const [name = '', ...lines] = part.split('\n')
      const chains = new Map<string, { hook: string | undefined; policy: Chain['policy']; rules: Rule[] }>()
      for (const line of lines) {
        const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? []
        // Only built-in chains have a policy. Their names are those of their hooks.
        if (chain !== undefined)
          chains.set(chain, {
            hook: policy === '-' ? undefined : chain.toLowerCase(),
            policy: policy === 'DROP' ? 'drop' : 'accept',
            rules: [],
          })
      }
      for (const line of lines) {
        const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? []
        chains.get(chain)?.rules.push({ ...judgeRule(rule, packet, new Set(chains.keys())), text: line })
      }
      return { origin: `${program} ${name}`, name, chains }
    })
}

function judgeRule(rule: string, packet: Packet, chains: ReadonlySet<string>): { match: Match; target: Target } {
  const words = rule.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? []
  const at = words.findIndex((word) => word === '-j' || word === '-g')
  const conditions = at < 0 ? words : words.slice(0, at)
  return {
    match: all(judgeConditions(conditions, packet)),
    target: at < 0 ? { kind: 'other' } : targetOf(words.slice(at), chains),
  }
}

function judgeConditions(words: readonly string[], packet: Packet): Match[] {
  const matches: Match[] = []
  for (let at = 0; at < words.length;) {
    const isNegated = words[at] === '!'
    const option = words[isNegated ? at + 1 : at] ?? ''
    const from = at + (isNegated ? 2 : 1)
    let end = from
    while (end < words.length && words[end] !== '!' && !/^-{1,2}[a-z]/i.test(words[end] ?? '')) end++
    const match = judge(option, words.slice(from, end), packet)
    matches.push(isNegated ? not(match) : match)
    at = end
  }
  return matches
}

function judge(option: string, values: readonly string[], packet: Packet): Match {
  const [value = ''] = values
  const list = value.split(',')
  switch (option) {
    case '-p':
      return ['tcp', 'all'].includes(value) ? 'yes' : 'no'
    case '--dport':
    case '--dports':
      return any(
        list.map((range) => range.split(':').map(Number)).map(([low = 0, high]) => portWithin(packet, low, high)),
      )
    case '-i':
      return deviceIs(packet, value, '+')
    case '-d':
      return destinationWithin(packet, value)
    case '--ctstate':
    case '--state':
      return list.includes('NEW') ? 'yes' : 'no'
    case '--dst-type':
      return value === 'LOCAL' ? 'yes' : 'maybe'
    case '--tcp-flags':
      return list.filter((flag) => flag === 'SYN').join() === (values[1] === 'NONE' ? '' : values[1]) ? 'yes' : 'no'
    case '--comment':
      return 'yes'
    case '-m':
      return PLAIN_MODULES.includes(value) ? 'yes' : 'maybe'
    default:
      return 'maybe'
  }
}

function targetOf([jump, name = '', ...options]: readonly string[], chains: ReadonlySet<string>): Target {
  const option = (wanted: string) => options[options.indexOf(wanted) + 1] ?? ''
  if (chains.has(name)) return { kind: jump === '-g' ? 'goto' : 'jump', chain: name }
  if (name === 'ACCEPT') return { kind: 'accept' }
  if (name === 'DROP' || name === 'REJECT') return { kind: 'drop' }
  if (name === 'RETURN') return { kind: 'return' }
  if (name === 'NOTRACK' || (name === 'CT' && options.includes('--notrack'))) return { kind: 'untrack' }
  if (name === 'DNAT') return destinationOf(option('--to-destination'))
  if (name === 'REDIRECT')
    return { kind: 'forward', ...(options.includes('--to-ports') && { port: parseInt(option('--to-ports'), 10) }) }
  return { kind: 'other' }
}

/** Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. Of a range the first end counts. */
function destinationOf(text: string): Target {
  const [, bracketed, inBrackets] = /^\[([^\]]+)\](?::(\d+))?/.exec(text) ?? []
  const isPlainIpv6 = bracketed === undefined && text.split(':').length > 2
  const [plain = '', port] = isPlainIpv6 ? [text] : text.split(':')
  const address = (bracketed ?? plain).split('-')[0] ?? ''
  const number = parseInt(inBrackets ?? port ?? '', 10)
  return { kind: 'forward', ...(address !== '' && { address }), ...(!Number.isNaN(number) && { port: number }) }
}
