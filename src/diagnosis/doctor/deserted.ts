import { run } from '../../firewall/run.js'
import { isTranslated } from '../../rules-read/translation.js'
import { readListeners } from './listeners.js'

/** Returns whether nobody listens on a port, and no rule sends it on. Rules that cannot be read count as none. */
export async function isDeserted(port: number): Promise<boolean> {
  if (readListeners(port).length > 0) return false
  return !(await isTranslated(4, port, run)) && !(await isTranslated(6, port, run))
}
