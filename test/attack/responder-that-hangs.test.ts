import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { openArmedLab, parentOf, programs, type ArmedLab } from '../scenarios/armed-lab.js'
import { challengeFor, requestFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const first = challengeFor('before it hung')
const second = challengeFor('after it hung')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const ended = (pid: number) =>
  new RegExp(
    `^certbot-nfq: the responder \\(process ${pid}\\) is stopped, and answers nothing: it was ended, with all that was armed\\n.* \\[responder-ended, /.+/docs/errors\\.md#responder-ended\\]\\n$`,
  )

t.test('a responder that is stopped', await requiresKernel(...programs), async (t) => {
  for (const firewall of ['iptables-nft', 'iptables-legacy']) {
    t.test(`is ended by the next auth hook, which arms with a new one (${firewall})`, async (t) => {
      const lab = await openArmedLab(t)
      const pid = await armAndStop(lab, firewall)
      const { exitCode, stdout, stderr } = await lab.auth(second, '--firewall', firewall)
      t.same([exitCode, stdout], [0, ''])
      t.match(stderr, ended(pid))
      t.not((await lab.running()).pid, pid)
      for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
        t.equal(await exchange(lab.validator, { address }, second.request), second.reply, address)
      t.same(await lab.cleanup(second), silence)
      t.same(await lab.leftovers(), [])
    })

    t.test(`is ended by a cleanup hook, and nothing is left (${firewall})`, async (t) => {
      const lab = await openArmedLab(t)
      const pid = await armAndStop(lab, firewall)
      const { exitCode, stdout, stderr } = await lab.cleanup(first)
      t.same([exitCode, stdout], [0, ''])
      t.match(stderr, ended(pid))
      t.notOk(existsSync(lab.runDirectory))
      t.same(await lab.leftovers(), [])
      await checkOrdinary(t, lab)
    })
  }

  t.test('is ended by certbot-nfq stop, and shown by status', async (t) => {
    const lab = await openArmedLab(t)
    const pid = await armAndStop(lab)
    const status = await command(lab, 'status')
    t.match(status, {
      exitCode: 1,
      stdout: '',
      stderr: new RegExp(
        `^certbot-nfq: the responder \\(process ${pid}\\) is stopped, and answers nothing\\nEnd it with: (?:\\S*/)?certbot-nfq stop \\[responder-hangs, `,
      ),
    })
    t.ok(existsSync(lab.runDirectory), 'which ends nothing')
    t.match(await command(lab, 'stop'), {
      exitCode: 0,
      stdout: 'Stopped; its rules are removed.\n',
      stderr: ended(pid),
    })
    t.same(await lab.leftovers(), [])
    await checkOrdinary(t, lab)
  })

  t.test('is ended also when its keeper is stopped, which is ended as well', async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(first)
    const { pid } = await lab.running()
    process.kill(-parentOf(pid), 'SIGSTOP')
    t.match(await lab.cleanup(first), { exitCode: 0, stderr: ended(pid) })
    t.same(await lab.leftovers(), [])
    await checkOrdinary(t, lab)
  })
})

t.test(
  'a keeper that is stopped while its responder ends is ended by the cleanup hook',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    await lab.arm(first)
    process.kill(parentOf((await lab.running()).pid), 'SIGSTOP')
    t.same(await lab.cleanup(first), silence)
    t.notOk(existsSync(lab.runDirectory))
    t.same(await lab.leftovers(), [])
  },
)

async function armAndStop(lab: ArmedLab, firewall = 'auto'): Promise<number> {
  await lab.arm(first, '--firewall', firewall)
  const { pid } = await lab.running()
  process.kill(pid, 'SIGSTOP')
  return pid
}

function command(lab: ArmedLab, name: 'status' | 'stop') {
  return lab.server.exec([inRepository('hooks/certbot-nfq'), name, '--run-dir', lab.runDirectory], {
    reject: false,
    timeout: 240_000,
  })
}

async function checkOrdinary(t: Test, lab: ArmedLab): Promise<void> {
  for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6]) {
    for (const request of [requestFor('GET', '/'), first.request])
      t.ok(
        (await exchange(lab.validator, { address }, request)).endsWith(lab.webServer.body),
        `an ordinary request to ${address}`,
      )
  }
}
