/** Certificates of six days are renewed every two or three days: what a hundred renewals in a row leave behind. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { request } from '../../src/control/client.js'
import { inRepository } from '../../src/lab/repository.js'
import { openScene, scenePrograms } from '../../src/lab/scene.js'
import { snapshotRules } from '../../src/lab/rules.js'
import { requiresKernel } from '../requires-kernel.js'

const RENEWALS = 100

/** Kilobytes that a responder may have more of in the end. Its heap grows and shrinks by more than one renewal's. */
const ROOM = 8 * 1024

t.test(
  'a hundred renewals leave nothing behind, and nothing grows',
  await requiresKernel(...scenePrograms, 'conntrack'),
  async (t) => {
    const { lab, certbot, ...scene } = await openScene()
    t.teardown(scene.close)
    const rulesBefore = await snapshotRules(lab.server)
    // A responder that stays is the one in which something could gather.
    const service = lab.server.spawn([inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', certbot.runDirectory])
    await service.waitForOutput(/info listening in /)
    const first = await certbot.certonly(['six-days.example.com'])
    t.equal(first.exitCode, 0, 'it succeeds', { said: first.stderr })
    const look = async () => {
      const response = await request(join(certbot.runDirectory, 'control'), { op: 'status' })
      const status = typeof response === 'object' ? response.status : undefined
      if (!status) throw new Error('no responder')
      const memory = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${status.pid}/status`, 'utf8'))?.[1])
      const { stdout } = await lab.server.exec(['conntrack', '--count'])
      return {
        memory,
        descriptors: readdirSync(`/proc/${status.pid}/fd`).length,
        files: readdirSync(certbot.runDirectory),
        lines: status.log.length,
        challenges: status.challenges.length,
        tracked: Number(stdout),
        processes: (await lab.server.processes()).length,
        rules: await snapshotRules(lab.server),
        flows: status.counts['flows'],
        held: status.counts['bytesHeld'],
      }
    }
    for (let count = 0; count < 10; count++) await renew()
    const early = await look()
    for (let count = 10; count < RENEWALS; count++) await renew()
    const late = await look()
    t.comment(
      `memory ${early.memory} kB after 10 renewals, ${late.memory} kB after ${RENEWALS}; ${early.tracked} and ${late.tracked} tracked connections`,
    )
    t.ok(late.memory - early.memory < ROOM, `memory grows from ${early.memory} to ${late.memory} kB`)
    t.ok(late.lines <= 200, `${late.lines} lines of the log are kept`)
    // Closed connections are tracked for two minutes, whoever answers.
    t.ok(late.tracked < early.tracked + 500, `${late.tracked} tracked connections`)
    // Connections are forgotten by age.
    t.ok(Number(late.flows) < RENEWALS, `${late.flows} connections are remembered`)
    const steady = ({ descriptors, files, challenges, processes, rules, held }: typeof early) => ({
      descriptors,
      files,
      challenges,
      processes,
      rules,
      held,
    })
    t.strictSame(steady(late), steady(early))
    t.equal(late.challenges, 0)
    t.equal(late.rules, rulesBefore, 'between two renewals there are no rules')
    await service.stop()
    t.same(await scene.challengesAtWebServer(), [], 'the web server never saw a challenge')
    t.same(await scene.leftovers(), [])

    async function renew(): Promise<void> {
      const { exitCode, stdout, stderr } = await certbot.renew()
      if (exitCode !== 0) t.fail('a renewal failed', { said: stdout + stderr })
    }
  },
)
