/**
 * `install --undo`, and `--adopt` with a certbot before 2.3, said `Changed …; as it was before: …` before they
 * rehearsed. When that failed, the file was as it was, and the copy that was named was gone.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { adoptable } from '../client/certbot/adoptable.js'

t.test('a change is told of once its rehearsal has passed', async (t) => {
  const { install, renewal } = adoptable(t, { act: '[ "$1" = renew ] && [ -e "$renewal.no" ] && exit 1' })
  for (const change of ['--adopt', '--undo']) {
    writeFileSync(`${renewal}.no`, '')
    const failed = await install([change, 'example.com'])
    t.match(failed, { exitCode: 1, stderr: /: the renewal configuration is as it was\n/ }, `${change} fails`)
    t.match(failed.stdout, '\nRehearsing the renewal with the CA: certbot renew ')
    t.notMatch(failed.stdout, /^Changed/m)
    rmSync(`${renewal}.no`)
    const { exitCode, stdout } = await install([change, 'example.com'])
    t.equal(exitCode, 0, `${change} passes`)
    const [, copy = ''] = /^Rehearsing [^]*^Changed .*; as it was before: (.*)$/m.exec(stdout) ?? []
    t.ok(existsSync(copy), 'and the copy is there', { stdout })
  }
})
