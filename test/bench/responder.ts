/** The responder as certbot uses it: the hooks, and the control socket. */
import { join } from 'node:path'
import { request } from '../../src/control/client.js'
import type { ResponderStatus } from '../../src/control/responder-status.js'
import type { Lab } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { challengeFor, type Challenge } from '../scenarios/challenge.js'

/** The responder of one run directory. */
export interface BenchResponder {
  /** Starts it by `hooks/auth` for the challenge, and hands it `others` more challenges over its control socket. */
  arm(challenge: Challenge, others?: number): Promise<void>
  /** Starts it by `serve`, so that it answers any token for the challenge's account; then it can be armed as well. */
  stand(challenge: Challenge): Promise<void>
  /** Hands it further challenge `number` over its control socket. */
  armOne(number: number): Promise<void>
  /** Of a responder that has to be there. */
  status(): Promise<ResponderStatus>
  /** Ends it; its rules are gone when this resolves. */
  stop(): Promise<void>
  /** What to run for a hook, and the environment it needs besides PATH. */
  hook(
    name: 'auth' | 'cleanup',
    challenge: Challenge,
  ): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }
}

/** Control connections of a bench at a time. */
const AT_ONCE = 25

/** The responder whose run directory is the lab's own; nothing is started yet. */
export function responderIn(lab: Lab): BenchResponder {
  const runDirectory = join(lab.directory, 'run')
  const socket = join(runDirectory, 'control')
  const hook: BenchResponder['hook'] = (name, { token, keyAuthorization }) => ({
    argv: [inRepository(`hooks/${name}`), '--run-dir', runDirectory],
    env: { CERTBOT_DOMAIN: 'example.com', CERTBOT_TOKEN: token, CERTBOT_VALIDATION: keyAuthorization },
  })
  const armOne: BenchResponder['armOne'] = async (number) => {
    const { token, keyAuthorization } = challengeFor(`further challenge ${number}`)
    await request(socket, { op: 'arm', token, keyAuthorization, identifier: 'example.com', port: 80, ttl: 3600 })
  }
  return {
    hook,
    armOne,
    async stand({ keyAuthorization }) {
      const thumbprint = keyAuthorization.split('.')[1] ?? ''
      const words = ['serve', '--run-dir', runDirectory, '--no-self-check', '--account', thumbprint]
      const service = lab.server.spawn([inRepository('hooks/certbot-nfq'), ...words])
      await service.waitForOutput(/any token is answered/)
    },
    async arm(challenge, others = 0) {
      const { argv, env } = hook('auth', challenge)
      await lab.server.exec(argv, { env })
      // Some at once: the rules then change once for all that wait.
      for (let number = 1; number <= others; number += AT_ONCE)
        await Promise.all(
          Array.from({ length: Math.min(AT_ONCE, others - number + 1) }, (_, further) => armOne(number + further)),
        )
    },
    async status() {
      const response = await request(socket, { op: 'status' })
      if (typeof response !== 'object' || !response.status) throw new Error('no responder is running')
      return response.status
    },
    async stop() {
      await request(socket, { op: 'stop' })
    },
  }
}
