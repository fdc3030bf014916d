/** The names of back ends, apart from their code: a hook checks the option without loading any of it. */

/** The names of iptables: the variant that the host has chosen, or one of the two. */
export type IptablesName = 'iptables' | 'iptables-nft' | 'iptables-legacy'

/** The name of a back end. */
export type BackEndName = 'nft' | IptablesName

/** A back end, or `auto`. */
export type FirewallChoice = 'auto' | BackEndName

/**
 * In the order in which `auto` tries them. `iptables` is whatever variant the host has chosen; the last two name one.
 */
export const FIREWALL_CHOICES = [
  'auto',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
] as const satisfies readonly FirewallChoice[]
