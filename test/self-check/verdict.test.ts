import t from 'tap'
import { warningOf, type Finding } from '../../src/self-check/verdict.js'

const found = (version: 4 | 6, outcome: Finding['outcome'], isTranslated = false, port = 80): Finding => ({ port, version, outcome, isTranslated })

t.test('nothing is said where all is well, or nothing is known', (t) => {
  for (const findings of [
    [],
    [found(4, 'answered'), found(6, 'answered')],
    [found(4, 'answered'), found(6, 'refused')],
    [found(4, 'unknown', true), found(6, 'unknown')],
    [found(4, 'refused', true), found(6, 'refused', true)],
  ]) t.equal(warningOf(findings), undefined, JSON.stringify(findings))
  t.end()
})

t.test('each fault is said in one line, with what it may mean', (t) => {
  t.equal(
    warningOf([found(4, 'other answer'), found(6, 'answered')]),
    'certbot-nfq: self-check: a request to port 80 by IPv4 was answered by another than the responder: a firewall rule may let it pass before ours. The challenge is armed all the same. [docs/self-check.md]',
  )
  t.match(warningOf([found(4, 'silent'), found(6, 'silent')]), /port 80 by IPv4 was not answered in time: a firewall rule may drop it; a request to port 80 by IPv6 was not/)
  t.match(warningOf([found(4, 'answered'), found(4, 'refused', false, 81)]), /self-check: nobody accepts connections to port 81 by IPv4\. /)
  t.equal(warningOf([found(4, 'silent')])?.includes('\n'), false)
  t.end()
})
