/** The names of our tables. */
import type { IpVersion } from '../../wire/ip.js'

/** Returns the name of our table with its family, as nft takes it: `ip certbot-nfq-TAG` or `ip6 certbot-nfq-TAG`. */
export function tableName(tag: string, version: IpVersion): string {
  return `${version === 4 ? 'ip' : 'ip6'} ${PREFIX}${tag}`
}

/** Returns the tag in a table name without family; `undefined` if the table is not ours. */
export function tagOfTable(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined
}

const PREFIX = 'certbot-nfq-'
