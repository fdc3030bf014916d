// Such a Node, as distributions have it, refuses its own functions for changing the user: no responder started on
// Debian 13.
import t from 'tap'
import { findAccount } from '../../src/kernel/account.js'
import { run } from '../../src/lab/run.js'
import { withBuiltModule } from '../kernel/built-module.js'
import { requiresKernel } from '../requires-kernel.js'

const options = await requiresKernel()

for (const drop of ['dropPrivileges', 'dropAllPrivileges']) {
  t.test(`${drop} does without the functions that such a Node refuses`, options, async (t) => {
    const { stdout } = await run(
      withBuiltModule(
        'kernel/privileges.js',
        `const refuse = () => { throw new Error('disabled: io_uring may be enabled') }
        process.setgroups = process.setgid = process.setuid = process.setegid = process.seteuid = process.initgroups = refuse
        await it.${drop}(${JSON.stringify(findAccount('nobody'))})
        show([process.getuid(), process.geteuid(), process.getgid(), process.getegid(), process.getgroups()])`,
      ),
    )
    const { uid, gid } = findAccount('nobody')
    // Where there are none, Node adds the effective one.
    t.strictSame(JSON.parse(stdout), [uid, uid, gid, gid, [gid]])
  })
}
