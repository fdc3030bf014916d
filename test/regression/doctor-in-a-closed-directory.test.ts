// In /root, which is root's alone, the trial could start no program of the firewall once it had given root up: "could
// not be started (EACCES)".
import t from 'tap'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs } from '../scenarios/armed-lab.js'
import { examine } from '../scenarios/doctor-run.js'
import { temporaryDirectory } from '../temporary-directory.js'

t.test(
  'doctor finds all well also where it is started in a directory of root alone',
  await requiresKernel(...programs),
  async (t) => {
    const lab = await openArmedLab(t)
    const { findings } = await examine(lab, { before: ['env', '-C', temporaryDirectory(t)] })
    t.same(
      findings.filter(({ level }) => level !== 'ok'),
      [],
    )
  },
)
