import t from 'tap'
import { judgeModules, judgeNode, readHookNode } from '../../../src/diagnosis/doctor/node.js'
import { readModules } from '../../../src/diagnosis/doctor/modules.js'

const found = { execPath: '/usr/bin/node', version: 'v22.0.0', refusals: [] }

t.test('the Node that the hooks find is named, and told from the one that runs now', (t) => {
  t.match(judgeNode(found, '/usr/bin/node'), {
    level: 'ok',
    message: 'systemd, cron and snap will run /usr/bin/node (v22.0.0)',
  })
  t.match(judgeNode(found, '/opt/node/bin/node'), {
    level: 'ok',
    message: /; this command runs with \/opt\/node\/bin\/node$/,
  })
  t.match(judgeNode('no Node found', '/usr/bin/node'), { level: 'fail', message: /no Node found$/ })
  t.match(judgeNode({ reason: 'no answer within 120 s', fix: 'run it again' }, '/usr/bin/node'), {
    level: 'warn',
    message: /nothing is known of .*: no answer within 120 s$/,
    fix: 'run it again',
  })
  t.end()
})

t.test('modules that do not load are a failure each; without a Node nothing is said of them', (t) => {
  t.match(judgeModules(found), [{ level: 'ok' }])
  t.match(judgeModules({ ...found, refusals: ['not built'] }), [
    { level: 'fail', message: 'not built', fix: /npm rebuild/ },
  ])
  for (const none of ['no Node found', { reason: 'no answer within 120 s', fix: 'run it again' }])
    t.strictSame(judgeModules(none), [])
  t.end()
})

t.test('the hooks are started with a short PATH and nothing else', async (t) => {
  const answer = (exitCode: number, stdout: string, stderr: string) => async (argv: readonly string[]) => {
    t.strictSame(argv, ['env', '-i', 'PATH=/usr/bin:/bin', 'hooks/run', 'probe'])
    return { exitCode, stdout, stderr }
  }
  t.strictSame(await readHookNode(['hooks/run', 'probe'], answer(0, JSON.stringify(found), '')), found)
  t.equal(
    await readHookNode(
      ['hooks/run', 'probe'],
      answer(1, '', 'certbot-nfq: no Node of version 20.19 or later found.\nInstall it'),
    ),
    'no Node of version 20.19 or later found.',
  )
  t.equal(await readHookNode(['hooks/run', 'probe'], answer(0, 'x', '')), 'it ended without a report')
  t.match(
    await readHookNode([], async () => ({
      exitCode: 127,
      stdout: '',
      stderr: 'no answer within 120 s',
      unfinished: 'timed out',
    })),
    { reason: 'no answer within 120 s', fix: /less busy/ },
  )
})

t.test('this Node loads the modules', async (t) => {
  t.strictSame(await readModules(), { execPath: process.execPath, version: process.version, refusals: [] })
})
