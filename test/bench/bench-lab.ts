/**
 * A lab to measure in: two namespaces with nginx, a responder that can be started, and clients of several addresses.
 */
import { openLab, type Lab } from '../../src/lab/lab.js'
import { challengeFor, type Challenge } from '../scenarios/challenge.js'
import { trackInvalid } from '../scenarios/stateful-rules.js'
import { responderIn, type BenchResponder } from './responder.js'
import { startWebServer } from './web-server.js'

/** Whether the server tracks connections, as nearly every server does that has a stateful rule or NAT. */
export type Tracking = 'on' | 'off'

/** A lab to measure in. */
export interface BenchLab extends Lab {
  readonly tracking: Tracking
  readonly challenge: Challenge
  readonly responder: BenchResponder
  /**
   * Addresses of the server; packets to each come from another address of the validator namespace, as if from different
   * hosts.
   */
  readonly for: { readonly bystanders: string; readonly flood: string; readonly validators: string }
  /**
   * Makes the server forget the connections it has tracked, so that one measurement does not fill the table for the
   * next.
   */
  forgetConnections(): Promise<void>
}

const flood = { client: '192.0.2.12', server: '192.0.2.11' }
const validators = { client: '192.0.2.22', server: '192.0.2.21' }

/** Opens it; it closes with `close`, and when the process ends by a signal. Nothing is armed yet. */
export async function openBenchLab(tracking: Tracking): Promise<BenchLab> {
  const lab = await openLab()
  try {
    if (tracking === 'on') await trackInvalid(lab.server)
    for (const { client, server } of [flood, validators]) {
      await lab.server.addAddress(server)
      await lab.validator.addAddress(client)
      await lab.validator.exec(['ip', 'route', 'add', server, 'dev', lab.validator.device, 'src', client])
    }
    const challenge = challengeFor('benchmark')
    await startWebServer(lab, challenge)
    return {
      ...lab,
      tracking,
      challenge,
      responder: responderIn(lab),
      for: { bystanders: lab.server.addresses.ipv4, flood: flood.server, validators: validators.server },
      forgetConnections: async () => {
        if (tracking === 'on') await lab.server.exec(['conntrack', '-F'], { reject: false })
      },
    }
  } catch (error) {
    await lab.close()
    throw error
  }
}
