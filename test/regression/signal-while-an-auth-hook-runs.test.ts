import t from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'

// certbot calls no cleanup hook for a challenge whose auth hook it was waiting for when it was interrupted. The
// challenge stayed armed, and the rules installed, until the time to live was over.
t.test('a hook that a signal ends while it arms leaves nothing armed', await requiresKernel('iptables'), async (t) => {
  const lab = await openArmedLab(t, {
    noWebServer: true,
    selfCheck: true,
    // The self-check waits for an answer, and the hook for the self-check.
    prepare: async (server) => {
      for (const program of ['iptables', 'ip6tables'])
        await server.exec([program, '-t', 'raw', '-A', 'PREROUTING', '-p', 'tcp', '--dport', '80', '-j', 'DROP'])
    },
  })
  const { token, keyAuthorization } = challengeFor('interrupted')
  const env = {
    CERTBOT_DOMAIN: 'example.com',
    CERTBOT_TOKEN: token,
    CERTBOT_VALIDATION: keyAuthorization,
    CERTBOT_REMAINING_CHALLENGES: '0',
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const hook = lab.server.spawn([inRepository('hooks/auth'), '--run-dir', lab.runDirectory], { env })
    const isArmed = async () => (await lab.running()).challenges.length === 1
    await waitUntil(() => isArmed().catch(() => false), 'the challenge to be armed')
    process.kill(hook.pid, signal)
    t.match(await hook.exited, { signal }, signal)
    t.same(await lab.leftovers(), [])
  }
})
