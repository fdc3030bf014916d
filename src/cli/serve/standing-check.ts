/** The self-check of stateless answers, once the responder that gives them stands. */
import { randomBytes } from 'node:crypto'
import { request } from '../../control/client.js'
import { hasIpv6 } from '../../firewall/tracking.js'
import { runDirectory } from '../../responder/run-directory.js'
import type { Options } from '../options.js'
import { ERRORS_PAGE } from '../report.js'
import type { StandingRequest } from './standing-options.js'

/**
 * Sends a request for a made-up token through the rules, and warns when no answer comes. Whatever happens, the
 * responder stands. Never rejects.
 */
export async function checkStanding(standing: StandingRequest, { port, runDir }: Options): Promise<void> {
  const { socket } = runDirectory(runDir)
  const token = `${randomBytes(16).toString('base64url')}-self-check`
  const [name] = standing.names
  const order = {
    token,
    keyAuthorization: `${token}.${standing.thumbprint}`,
    ports: [port],
    families: hasIpv6() ? ([4, 6] as const) : ([4] as const),
    ...(name !== undefined && { host: name.replace(/^\*\./, 'self-check.') }),
  }
  try {
    const { selfCheck } = await import('../../diagnosis/self-check/self-check.js')
    const warning = await selfCheck(order, async () => {
      const response = await request(socket, { op: 'status' })
      return typeof response === 'object' ? response.status?.stateless?.visits : undefined
    })
    if (warning === undefined) return
    const { describeWarning } = await import('../../diagnosis/self-check/warning.js')
    process.stderr.write(`${describeWarning(warning, ERRORS_PAGE, 'The responder answers')}\n`)
  } catch {
    // The responder may have been stopped meanwhile.
  }
}
