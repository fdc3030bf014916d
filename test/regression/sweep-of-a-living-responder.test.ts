import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withSystemPrograms } from '../../src/lab/run.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { challengeFor } from '../scenarios/challenge.js'
import { exchange } from '../scenarios/tcp-client.js'
import { requiresKernel } from '../requires-kernel.js'

const challenge = challengeFor('armed while somebody sweeps')

// A cleanup that found no run directory swept without the lock, and took away the rules of a responder that an auth
// hook started meanwhile.
t.test(
  'a cleanup without a responder never removes the rules of one that starts meanwhile',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    const [began, goOn] = [join(lab.directory, 'began'), join(lab.directory, 'go-on')]
    // The first program that a sweep runs says that it has begun, and waits for a while.
    const nft = join(lab.directory, 'nft')
    writeFileSync(
      nft,
      `#!/bin/sh\n: >${began}\nfor i in $(seq 100); do [ -e ${goOn} ] && break; sleep 0.02; done\nPATH=\${PATH#*:}\nexec nft "$@"\n`,
      { mode: 0o755 },
    )
    const sweeping = lab.server.exec([inRepository('hooks/cleanup'), '--run-dir', lab.runDirectory], {
      reject: false,
      env: {
        CERTBOT_TOKEN: challengeFor('of a responder that is dead').token,
        PATH: `${lab.directory}:${withSystemPrograms({})['PATH']}`,
      },
    })
    await waitUntil(() => existsSync(began), 'the sweep to begin')
    const armed = lab.arm(challenge).then(() => writeFileSync(goOn, ''))
    t.equal((await sweeping).exitCode, 0)
    await armed
    for (const address of [lab.server.addresses.ipv4, lab.server.addresses.ipv6])
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply, address)
    t.equal((await lab.cleanup(challenge)).exitCode, 0)
    t.same(await lab.leftovers(), [])
  },
)
