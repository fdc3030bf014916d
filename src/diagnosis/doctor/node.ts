/** Which Node the hooks find where PATH is short, and whether it loads the native modules. */
import { FIXES } from '../../failure.js'
import type { Run } from '../../firewall/run.js'
import { fail, ok, warn, type Finding } from './finding.js'
import type { ModulesReport } from './modules.js'
import { untoldBy, type Untold } from './untold.js'

/** The part of a shell's PATH that certbot.service and certbot's snap keep for certain. */
const SHORT_PATH = '/usr/bin:/bin'

/**
 * Returns what the hooks' Node reports when it is started with an empty environment, or why hooks/run refused, as a
 * string. `hook` is the command of hooks/run with the probe.
 */
export async function readHookNode(hook: readonly string[], run: Run): Promise<ModulesReport | Untold | string> {
  const result = await run(['env', '-i', `PATH=${SHORT_PATH}`, ...hook])
  const { exitCode, stdout, stderr } = result
  if (result.unfinished) return untoldBy(result, '')
  if (exitCode !== 0)
    return (
      stderr
        .trim()
        .split('\n', 1)[0]
        ?.replace(/^certbot-nfq: /, '') || `exit code ${exitCode}`
    )
  try {
    return JSON.parse(stdout) as ModulesReport
  } catch {
    return 'it ended without a report'
  }
}

/** Judges the Node that the hooks use. `own` is the Node that runs this. */
export function judgeNode(found: ModulesReport | Untold | string, own: string): Finding {
  if (typeof found === 'object' && 'reason' in found)
    return warn('node', `nothing is known of the Node of the hooks and its modules: ${found.reason}`, found.fix)
  if (typeof found === 'string')
    return fail(
      'node',
      `with the short PATH of systemd and snap the hooks do not start: ${found}`,
      'build again with the Node that the hooks are to use: npm ci && npm run build',
    )
  const other = found.execPath === own ? '' : `; this command runs with ${own}`
  return ok('node', `systemd, cron and snap will run ${found.execPath} (${found.version})${other}`)
}

/** Judges the native modules. Returns nothing when the hooks do not start, or their Node could not be asked. */
export function judgeModules(found: ModulesReport | Untold | string): Finding[] {
  if (typeof found === 'string' || 'reason' in found) return []
  if (found.refusals.length > 0)
    return found.refusals.map((refusal) => fail('modules', refusal, FIXES['native-module']))
  return [ok('modules', 'nfqueue and koffi load')]
}
