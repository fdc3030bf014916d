/** Is a port of this machine another's, by destination NAT? */
import { isProgram } from '../firewall/program-path.js'
import type { Run } from '../firewall/run.js'
import type { IpVersion } from '../firewall/ruleset.js'
import { isLegacyInUse } from '../firewall/tracking-rules.js'

/**
 * Whether some rule of the family sends on what comes to `port` of any address of this machine, as container engines'
 * rules do. Rules of legacy iptables are seen by root only. What cannot be read has no such rule.
 */
export async function isTranslated(version: IpVersion, port: number, run: Run): Promise<boolean> {
  const texts = await Promise.all(listings(version).map((argv) => run(argv)))
  return texts.some(({ stdout }) => translatesPort(stdout, port))
}

/**
 * Whether a rule of these, as iptables-save and nft print them, does so; one for a single address of the machine does
 * not count.
 */
export function translatesPort(rules: string, port: number): boolean {
  return rules
    .replace(/"(?:\\.|[^"\\])*"/g, '""')
    .split('\n')
    .some(
      (rule) =>
        TRANSLATES.test(rule) &&
        !FOR_ONE_ADDRESS.test(rule) &&
        portsOf(rule).some(([first, last]) => first <= port && port <= last),
    )
}

const TRANSLATES = /-j (?:DNAT|REDIRECT)\b|\b(?:dnat|redirect)\b/

/** `! -d 127.0.0.0/8` and `ip daddr != 127.0.0.0/8` are for all others. */
const FOR_ONE_ADDRESS = /(?<!! )-d \S|\bip6? daddr (?!!=)/

/**
 * `--dport 80`, `--dports 80,8000:8080`, `dport 80`, `dport { 80, 8000-8080 }`, `dport map { 80 : … }`: pairs of first
 * and last.
 */
function portsOf(rule: string): [number, number][] {
  const sets = [...rule.matchAll(/(?<!! )--dports? (\S+)|(?<!-)\bdport (?:map )?(\{[^}]*\}|[\d-]+)/g)].map(
    ([, save, nft]) => save ?? nft ?? '',
  )
  return sets
    .flatMap((set) => set.replace(/[{}]/g, '').split(','))
    .flatMap((item): [number, number][] => {
      const [, first, last = first] = /^\s*(\d+)(?:[:-](\d+))?/.exec(item) ?? []
      return first === undefined ? [] : [[Number(first), Number(last)]]
    })
}

function listings(version: IpVersion): string[][] {
  const tables = version === 4 ? 'ip' : 'ip6'
  const save = [`${tables}tables-nft-save`, `${tables}tables-save`].find(isProgram)
  return [
    ...(isProgram('nft')
      ? [
          [...NFT_LIST, tables],
          [...NFT_LIST, 'inet'],
        ]
      : []),
    ...(save ? [[save]] : []),
    ...(isLegacyInUse(version) && isProgram(`${tables}tables-legacy-save`) ? [[`${tables}tables-legacy-save`]] : []),
  ]
}

const NFT_LIST = ['nft', 'list', 'ruleset']
