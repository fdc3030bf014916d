import t from 'tap'
import { isStartedAgain, serviceIn } from '../../src/cli/restarting-service.js'

t.test('the service of a process is read from its cgroup file', (t) => {
  for (const [text, service] of [
    ['0::/system.slice/certbot-nfq.service\n', 'certbot-nfq.service'],
    ['0::/system.slice/system-nfq.slice/nfq@a\\x2db.service/part\n', 'nfq@a\\x2db.service'],
    ['12:pids:/other.service\n1:name=systemd:/system.slice/certbot-nfq.service\n0::/\n', 'certbot-nfq.service'],
    ['0::/user.slice/user-0.slice/session-3.scope\n', undefined],
    ['0::/system.slice/docker-0123456789ab.scope\n', undefined],
    ['0::/\n', undefined],
    ['', undefined],
  ] as const)
    t.equal(serviceIn(text), service, text)
  t.end()
})

const shown = (restart: string, pid = 40) => `Restart=${restart}\nMainPID=${pid}\n`

t.test('it is started again by Restart=always, and else as it fits how serve has ended', (t) => {
  t.ok(isStartedAgain(shown('always'), 40, false))
  t.ok(isStartedAgain(shown('always'), 40, true))
  t.ok(isStartedAgain(shown('on-success'), 40, false))
  t.notOk(isStartedAgain(shown('on-success'), 40, true))
  t.notOk(isStartedAgain(shown('on-failure'), 40, false), 'stop ends it with status 0')
  t.ok(isStartedAgain(shown('on-failure'), 40, true), 'one that hangs is killed')
  for (const restart of ['no', 'on-abnormal', 'on-abort', 'on-watchdog'])
    for (const isHung of [true, false]) t.notOk(isStartedAgain(shown(restart), 40, isHung), restart)
  t.end()
})

t.test('it is not when the process of serve is not the main one, as below cron, or nothing is told', (t) => {
  t.notOk(isStartedAgain(shown('always', 41), 40, false))
  t.notOk(isStartedAgain(shown('always', 0), 0, false))
  t.notOk(isStartedAgain('', 40, false))
  t.end()
})
