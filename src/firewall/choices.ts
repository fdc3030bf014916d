/** The names of back ends, apart from their code, so that a hook can check the option without loading any back end. */

/** The names of iptables: the variant that the host has chosen, or one of the two. */
export type IptablesName = 'iptables' | 'iptables-nft' | 'iptables-legacy'

/** The name of a back end. */
export type BackEndName = 'nft' | IptablesName

/** A back end, or `auto`. */
export type FirewallChoice = 'auto' | BackEndName

/**
 * The choices, in the order in which `auto` tries them. `iptables` is the variant that the host has chosen. The last
 * two name one.
 */
export const FIREWALL_CHOICES = [
  'auto',
  'nft',
  'iptables',
  'iptables-nft',
  'iptables-legacy',
] as const satisfies readonly FirewallChoice[]
