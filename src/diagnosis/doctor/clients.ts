/** Do ACME clients other than certbot find their hook, and can it work? */
import type { Remark } from '../../client/configuration.js'
import { ok, type Finding } from './finding.js'

/** Judges what was found in the configurations of the clients: one line each, or one for all. */
export function judgeClients(remarks: readonly Remark[]): Finding[] {
  if (remarks.length === 0) return [ok('clients', 'no other ACME client is seen to use a hook of certbot-nfq')]
  return remarks.map((remark) => ({ check: 'clients', ...remark }))
}
