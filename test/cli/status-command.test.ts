import t from 'tap'
import { formatStatus } from '../../src/cli/status-command.js'
import type { ResponderStatus } from '../../src/control/responder-status.js'

const idle: ResponderStatus = {
  version: '1.2.3',
  protocol: 1,
  pid: 42,
  startedAt: '2030-01-02T03:04:05.000Z',
  queue: 8555,
  mark: 0x400000,
  ports: [],
  challenges: [],
  counts: { packets: 0, takenOver: 0, flows: 3, rulesRepaired: 1 },
  limits: { flows: 8192 },
  log: [],
}

t.test('a responder with nothing to do', (t) => {
  t.equal(
    formatStatus(idle),
    `certbot-nfq 1.2.3, process 42, since 2030-01-02T03:04:05.000Z
no rules installed
0 challenges armed
0 requests answered, 0 of the answers acknowledged; 0 for tokens that are not armed; 0 packets lost`,
  )
  t.end()
})

t.test('a responder that lingers says for how long', (t) => {
  t.match(formatStatus({ ...idle, endsIn: 8 }), /^0 challenges armed; lingers for 8 s more$/m)
  t.end()
})

t.test('challenges, who asked for them, and which rules are in force', (t) => {
  const visits = [
    {
      at: '2030-01-02T03:04:07.000Z',
      client: '[2001:db8::2]:50000',
      state: 'acknowledged' as const,
      answer: { status: 200, bytes: 87 },
    },
  ]
  const challenge = {
    token: 'token',
    identifier: 'a.example',
    port: 80,
    armedAt: '2030-01-02T03:04:06.000Z',
    expiresIn: 3599,
    visits,
  }
  const status: ResponderStatus = {
    ...idle,
    ports: [80, 8080],
    firewall: { name: 'iptables', selection: 'prefilter', reason: 'first choice', tracked: [4] },
    challenges: [challenge, { ...challenge, token: 'other', identifier: 'b.example', port: 8080, visits: [] }],
    counts: { ...idle.counts, answered: 1, acknowledged: 1, unknownToken: 4, lostByKernel: 1 },
    log: Array.from({ length: 12 }, (_, at) => `line ${at + 1}`),
  }
  t.equal(
    formatStatus(status),
    `certbot-nfq 1.2.3, process 42, since 2030-01-02T03:04:05.000Z
port 80, 8080 by iptables, challenge requests only to queue 8555 (first choice)
2 challenges armed
  a.example on port 80, token token, for 3599 s more
    2030-01-02T03:04:07.000Z [2001:db8::2]:50000 answered with 200 and 87 bytes, acknowledged
  b.example on port 8080, token other, for 3599 s more
    nobody has asked for it yet
1 request answered, 1 of the answers acknowledged; 4 for tokens that are not armed; 1 packet lost
${Array.from({ length: 10 }, (_, at) => `  line ${at + 3}`).join('\n')}`,
  )
  t.end()
})

t.test('every counter is there when asked for, with its limit', (t) => {
  t.match(formatStatus(idle, true), /\n0 requests .*\npackets 0, taken over 0, flows 3 of 8192, rules repaired 1$/)
  t.end()
})

t.test('a challenge that nobody asked for says so, and whether others were asked for', (t) => {
  const challenge = {
    token: 'token',
    identifier: 'a.example',
    port: 80,
    armedAt: '2030-01-02T03:04:06.000Z',
    expiresIn: 3599,
    visits: [],
  }
  const strays = { count: 2, at: '2030-01-02T03:04:07.000Z', client: '192.0.2.2:40000', token: 'other' }
  t.match(formatStatus({ ...idle, challenges: [challenge] }), /^ {4}nobody has asked for it yet$/m)
  t.match(
    formatStatus({ ...idle, challenges: [{ ...challenge, strays }] }),
    /^ {4}nobody has asked for it yet; for other tokens 2, last 192\.0\.2\.2:40000 for other$/m,
  )
  t.end()
})

t.test('rules that queue all of the traffic are said to', (t) => {
  const firewall = { name: 'iptables', selection: 'port', reason: 'iptables (prefilter): no bpf', tracked: [] }
  t.match(
    formatStatus({ ...idle, ports: [80], firewall }),
    /^port 80 by iptables, ALL of its traffic to queue 8555 \(iptables \(prefilter\): no bpf\)$/m,
  )
  t.end()
})
