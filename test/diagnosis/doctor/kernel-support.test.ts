import t from 'tap'
import type { BackEnd } from '../../../src/diagnosis/doctor/back-ends.js'
import { judgeFirewall, judgeKernel, runTrial } from '../../../src/diagnosis/doctor/kernel-support.js'
import { FIXES } from '../../../src/failure.js'
import { runFor } from '../../../src/firewall/run.js'
import type { BackEndTry, TrialReport } from '../../../src/diagnosis/doctor/trial.js'

const there: BackEnd[] = [
  { name: 'nft', version: '1.0.6', isLegacy: false },
  { name: 'iptables', version: '1.8.9 (nf_tables)', isLegacy: false },
]
const no: BackEndTry = {
  name: 'nft',
  refusal:
    'no firewall back end can queue packets here: nft (prefilter): nft: No such file; nft (port): nft: No such file',
}
const port = (name: 'nft' | 'iptables'): BackEndTry => ({
  name,
  selection: 'port',
  reason: `${name} (prefilter): no match`,
})
const prefilter = (name: 'nft' | 'iptables'): BackEndTry => ({ name, selection: 'prefilter', reason: 'first choice' })
const untold = { reason: 'only root can', fix: 'run it as root' }
const report = (...backEnds: BackEndTry[]): TrialReport => ({ refusals: [], backEnds })

t.test('the back end that will be used, and why', (t) => {
  t.match(judgeFirewall(report(prefilter('nft'), prefilter('iptables')), 'auto', there), [
    {
      level: 'ok',
      message:
        /^nft will be used, challenge requests only \(.*; iptables works too\); installed: nft 1\.0\.6, iptables 1\.8\.9 \(nf_tables\)$/,
    },
  ])
  t.match(judgeFirewall(report(no, prefilter('iptables')), 'auto', there), [
    { level: 'ok', message: /^iptables will be used.*; nft does not: No such file\)/ },
  ])
  t.match(judgeFirewall(report(prefilter('iptables')), 'iptables', there), [
    { level: 'ok', message: /as --firewall says/ },
  ])
  t.end()
})

t.test('the prefilter by a later back end goes before the whole port by an earlier one, as in a responder', (t) => {
  t.match(judgeFirewall(report(port('nft'), prefilter('iptables')), 'auto', there), [
    { level: 'ok', message: /^iptables will be used.*nft takes the whole port only/ },
  ])
  t.match(judgeFirewall(report(port('nft'), port('iptables')), 'auto', there), [
    { level: 'warn', message: /^nft will be used, and ALL traffic .*no match/ },
  ])
  t.end()
})

t.test('none that works, none installed, and no trial', (t) => {
  t.match(judgeFirewall(report(no), 'auto', there), [{ level: 'fail', message: /nft does not: No such file$/ }])
  t.match(judgeFirewall(report(), 'auto', []), [{ level: 'fail', message: /neither nft nor iptables/ }])
  t.strictSame(judgeFirewall(untold, 'auto', there), [], 'that there was no trial is said once')
  t.match(judgeFirewall(untold, 'auto', []), [{ level: 'fail', message: /neither nft nor iptables/ }])
  t.end()
})

t.test('rules of which a program took too long are no rules that are refused', (t) => {
  const slow: BackEndTry = {
    name: 'iptables',
    refusal: 'no rules could be installed: iptables (prefilter): iptables-restore: no answer within 15 s',
    isSlow: true,
  }
  t.match(judgeFirewall(report(no, slow), 'auto', there), [
    {
      level: 'warn',
      message:
        /could not be tried to the end: nft does not: No such file; iptables does not: iptables-restore: no answer within 15 s$/,
      fix: /less busy/,
    },
  ])
  t.match(judgeFirewall(report(prefilter('nft'), slow), 'auto', there), [{ level: 'ok' }])
  t.end()
})

t.test('what of a start is refused is a failure each, with the advice for it', (t) => {
  t.match(judgeKernel(report()), [{ level: 'ok' }])
  t.match(
    judgeKernel({
      ...report(),
      refusals: [
        { code: 'queue-unavailable', message: 'no queue' },
        { code: 'root-kept', message: 'a thread' },
      ],
    }),
    [
      { level: 'fail', message: 'no queue', fix: FIXES['queue-unavailable'] },
      { level: 'fail', message: 'a thread', fix: FIXES['root-kept'] },
    ],
  )
  t.strictSame(judgeKernel(untold), [
    { check: 'kernel', level: 'warn', message: 'not tried, nor the rules: only root can', fix: 'run it as root' },
  ])
  t.end()
})

const request = {
  type: 'http-01',
  port: 80,
  mark: 1,
  user: 'nobody',
  isStandalone: true,
  families: [],
  backEnds: [],
  lastResort: [],
} as const

t.test('the trial runs in a network namespace of its own; one that cannot be made is no report', async (t) => {
  const answer = (exitCode: number, stdout: string, stderr: string) => async (argv: readonly string[]) => {
    t.strictSame(argv, ['unshare', '-n', 'keep', 'trial', JSON.stringify(request), '--firewall=iptables'])
    return { exitCode, stdout, stderr }
  }
  t.strictSame(
    await runTrial(['keep', 'trial'], 'iptables', request, answer(0, JSON.stringify(report(no)), '')),
    JSON.parse(JSON.stringify(report(no))),
  )
  const why = (exitCode: number, stdout: string, stderr: string) =>
    runTrial(['keep', 'trial'], 'iptables', request, answer(exitCode, stdout, stderr))
  t.match(await why(1, '', 'unshare: unshare failed: Operation not permitted\nmore'), {
    reason: 'unshare: unshare failed: Operation not permitted',
    fix: /network namespace/,
  })
  t.match(await why(1, '', 'certbot-nfq: no right\nmore'), {
    reason: 'certbot-nfq: no right',
    fix: /certbot-nfq serve/,
  })
  t.match(await why(0, 'no JSON', ''), { reason: 'the trial ended without a report', fix: /certbot-nfq serve/ })
})

t.test('a trial that does not end by itself has a cause and a fix of its own, and no command line in it', async (t) => {
  const when = (limit: number, ...argv: string[]) => runTrial([], 'auto', request, () => runFor(limit, argv))
  t.match(await when(10, 'sleep', '60'), { reason: 'no answer within 0.01 s', fix: /less busy/ })
  t.match(await when(60_000, 'sh', '-c', 'kill -KILL $$'), { reason: 'ended by SIGKILL', fix: /memory/ })
  t.match(await when(60_000, 'certbot-nfq-no-such-program'), {
    reason: 'could not be started (ENOENT)',
    fix: /util-linux/,
  })
})
