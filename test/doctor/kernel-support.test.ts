import t from 'tap'
import type { BackEnd } from '../../src/doctor/back-ends.js'
import { judgeFirewall, judgeKernel, runTrial } from '../../src/doctor/kernel-support.js'
import { FIXES } from '../../src/failure.js'
import type { BackEndTry, TrialReport } from '../../src/doctor/trial.js'

const there: BackEnd[] = [{ name: 'nft', version: '1.0.6', isLegacy: false }, { name: 'iptables', version: '1.8.9 (nf_tables)', isLegacy: false }]
const no: BackEndTry = { name: 'nft', refusal: 'no firewall back end can queue packets here: nft (prefilter): nft: No such file; nft (port): nft: No such file' }
const port = (name: 'nft' | 'iptables'): BackEndTry => ({ name, selection: 'port', reason: `${name} (prefilter): no match` })
const prefilter = (name: 'nft' | 'iptables'): BackEndTry => ({ name, selection: 'prefilter', reason: 'first choice' })
const report = (...backEnds: BackEndTry[]): TrialReport => ({ refusals: [], backEnds })

t.test('the back end that will be used, and why', (t) => {
  t.match(judgeFirewall(report(prefilter('nft'), prefilter('iptables')), 'auto', there), { level: 'ok', message: /^nft will be used, candidates only \(.*; iptables works too\); installed: nft 1\.0\.6, iptables 1\.8\.9 \(nf_tables\)$/ })
  t.match(judgeFirewall(report(no, prefilter('iptables')), 'auto', there), { level: 'ok', message: /^iptables will be used.*; nft does not: No such file\)/ })
  t.match(judgeFirewall(report(prefilter('iptables')), 'iptables', there), { level: 'ok', message: /as --firewall says/ })
  t.end()
})

t.test('the prefilter by a later back end goes before the whole port by an earlier one, as in a responder', (t) => {
  t.match(judgeFirewall(report(port('nft'), prefilter('iptables')), 'auto', there), { level: 'ok', message: /^iptables will be used.*nft takes the whole port only/ })
  t.match(judgeFirewall(report(port('nft'), port('iptables')), 'auto', there), { level: 'warn', message: /^nft will be used, and ALL traffic .*no match/ })
  t.end()
})

t.test('none that works, none installed, and no trial', (t) => {
  t.match(judgeFirewall(report(no), 'auto', there), { level: 'fail', message: /nft does not: No such file$/ })
  t.match(judgeFirewall(report(), 'auto', []), { level: 'fail', message: /neither nft nor iptables/ })
  t.match(judgeFirewall('unshare: Operation not permitted', 'auto', there), { level: 'warn', message: /not tried: unshare: Operation not permitted; installed: nft 1\.0\.6/ })
  t.end()
})

t.test('what of a start is refused is a failure each, with the advice for it', (t) => {
  t.match(judgeKernel(report()), [{ level: 'ok' }])
  t.match(judgeKernel({ ...report(), refusals: [{ code: 'queue-unavailable', message: 'no queue' }, { code: 'root-kept', message: 'a thread' }] }), [{ level: 'fail', message: 'no queue', fix: FIXES['queue-unavailable'] }, { level: 'fail', message: 'a thread', fix: FIXES['root-kept'] }])
  t.match(judgeKernel('only root'), [{ level: 'warn', message: 'not tried: only root' }])
  t.end()
})

t.test('the trial runs in a network namespace of its own; one that cannot be made is no report', async (t) => {
  const request = { port: 80, mark: 1, user: 'nobody', isStandalone: true, families: [], backEnds: [], lastResort: [] }
  const answer = (exitCode: number, stdout: string, stderr: string) => async (argv: readonly string[]) => {
    t.strictSame(argv, ['unshare', '-n', 'keep', 'trial', JSON.stringify(request), '--firewall=iptables'])
    return { exitCode, stdout, stderr }
  }
  t.strictSame(await runTrial(['keep', 'trial'], 'iptables', request, answer(0, JSON.stringify(report(no)), '')), JSON.parse(JSON.stringify(report(no))))
  t.equal(await runTrial(['keep', 'trial'], 'iptables', request, answer(1, '', 'unshare: unshare failed: Operation not permitted\nmore')), 'unshare: unshare failed: Operation not permitted')
  t.equal(await runTrial(['keep', 'trial'], 'iptables', request, answer(0, 'no JSON', '')), 'the trial ended without a report')
})
