import t from 'tap'
import type { ChallengeStatus } from '../../../src/control/challenge-status.js'
import { addressesOfMachine, reachOf, versionOf, type MachineAddress } from '../../../src/network/addresses.js'
import type { DnsAnswer, NameAddresses } from '../../../src/network/names.js'
import { describeDiagnosis } from '../../../src/diagnosis/validation/diagnosis.js'
import { diagnoseUnasked } from '../../../src/diagnosis/validation/unasked.js'

const challenge: ChallengeStatus = {
  token: 'token',
  identifier: 'example.org',
  port: 80,
  armedAt: '2030-01-02T03:04:06.000Z',
  expiresIn: 3599,
  visits: [],
}
const machine = machineWith('127.0.0.1', '192.0.2.1', '::1', '2001:db8::1')
const natted = machineWith('127.0.0.1', '10.0.0.5', '::1', 'fe80::1')
const noName: DnsAnswer = { error: 'no such name', detail: 'queryA ENOTFOUND example.org' }
const noAnswer: DnsAnswer = { error: 'no answer', detail: 'no answer from 192.0.2.53' }
const serverFailure: DnsAnswer = { error: 'server failure', detail: '192.0.2.53: server failure' }

interface Case {
  readonly title: string
  readonly names: NameAddresses
  readonly code: string
  readonly causes: string
  readonly machine?: readonly MachineAddress[]
  readonly port?: number
}

const cases: readonly Case[] = [
  {
    title: 'an A that is another machine’s',
    names: records(['203.0.113.9']),
    code: 'elsewhere',
    causes: 'it has an A 203.0.113.9 that is not an address of this machine',
  },
  {
    title: 'an AAAA that is another machine’s, beside an A that is right',
    names: records(['192.0.2.1'], ['2001:db8::9']),
    code: 'ipv6-elsewhere',
    causes: 'it has an AAAA 2001:db8::9 that is not an address of this machine',
  },
  {
    title: 'an AAAA alone is no reason to remove it',
    names: records([], ['2001:db8::9']),
    code: 'elsewhere',
    causes: 'it has an AAAA 2001:db8::9 that is not an address of this machine',
  },
  {
    title: 'both another machine’s',
    names: records(['203.0.113.9'], ['2001:db8::9']),
    code: 'elsewhere',
    causes:
      'it has an A 203.0.113.9 that is not an address of this machine; it has an AAAA 2001:db8::9 that is not an address of this machine',
  },
  {
    title: 'several, one of them right',
    names: records(['203.0.113.9', '192.0.2.1', '203.0.113.10']),
    code: 'elsewhere',
    causes: 'it has A 203.0.113.9 and 203.0.113.10 that are not addresses of this machine',
  },
  {
    title: 'a router in front: this machine has private addresses only',
    machine: natted,
    names: records(['203.0.113.9']),
    code: 'behind-nat',
    causes:
      'it has an A 203.0.113.9 that is not an address of this machine, which has only private ones: a router must forward its port 80 to port 80 here',
  },
  {
    title: 'a router in front, and another port',
    machine: natted,
    port: 8080,
    names: records(['203.0.113.9']),
    code: 'behind-nat',
    causes:
      'it has an A 203.0.113.9 that is not an address of this machine, which has only private ones: a router must forward its port 80 to port 8080 here',
  },
  {
    title: 'a router in front, and an AAAA that no router translates',
    machine: natted,
    names: records(['203.0.113.9'], ['2001:db8::9']),
    code: 'ipv6-elsewhere',
    causes:
      'it has an A 203.0.113.9 that is not an address of this machine, which has only private ones: a router must forward its port 80 to port 80 here; it has an AAAA 2001:db8::9 that is not an address of this machine',
  },
  {
    title: 'a private address of another machine',
    names: records(['10.9.9.9']),
    code: 'not-public',
    causes: 'it has an A 10.9.9.9, an address that no CA on the Internet can reach',
  },
  {
    title: 'private and loopback addresses, also where they are ours',
    machine: natted,
    names: records(['10.0.0.5', '127.0.0.1']),
    code: 'not-public',
    causes: 'it has A 10.0.0.5 and 127.0.0.1, addresses that no CA on the Internet can reach',
  },
  { title: 'no such name', names: answers(noName, noName), code: 'no-such-name', causes: 'the DNS knows no such name' },
  {
    title: 'no such name, said of one type only',
    names: answers(noName, { addresses: [] }),
    code: 'no-such-name',
    causes: 'the DNS knows no such name',
  },
  {
    title: 'a name without addresses',
    names: records(),
    code: 'no-such-name',
    causes: 'the DNS has neither A nor AAAA for it',
  },
  {
    title: 'a lookup that took too long',
    names: answers(noAnswer, noAnswer),
    code: 'lookup-failed',
    causes: 'its addresses could not be looked up (no answer from 192.0.2.53)',
  },
  {
    title: 'a lookup that took too long for AAAA',
    names: answers({ addresses: ['192.0.2.1'] }, serverFailure),
    code: 'lookup-failed',
    causes: 'its AAAA could not be looked up (192.0.2.53: server failure)',
  },
  {
    title: 'an A elsewhere counts for more than an AAAA that could not be looked up',
    names: answers({ addresses: ['203.0.113.9'] }, noAnswer),
    code: 'elsewhere',
    causes:
      'it has an A 203.0.113.9 that is not an address of this machine; its AAAA could not be looked up (no answer from 192.0.2.53)',
  },
  {
    title: 'all is right here',
    names: records(['192.0.2.1'], ['2001:db8::1']),
    code: 'not-let-in',
    causes:
      'its A 192.0.2.1 and AAAA 2001:db8::1 lead here, so a firewall kept the requests out, a load balancer took them elsewhere, or the CA did not ask at all',
  },
  {
    title: 'all is right here, by one address',
    names: records(['192.0.2.1']),
    code: 'not-let-in',
    causes:
      'its A 192.0.2.1 leads here, so a firewall kept the requests out, a load balancer took them elsewhere, or the CA did not ask at all',
  },
  {
    title: 'all is right here, but the port is another',
    port: 81,
    names: records(['192.0.2.1']),
    code: 'other-port',
    causes: 'its A 192.0.2.1 leads here, but a CA asks port 80, and nothing brought that to port 81',
  },
]

for (const { title, names, code, causes, machine: here = machine, port = 80 } of cases) {
  t.test(title, (t) => {
    const diagnosis = diagnoseUnasked({ ...challenge, port }, names, here)
    t.strictSame(diagnosis, {
      code,
      cause: `no request for example.org reached port ${port} of this machine: ${causes}`,
    })
    t.match(
      describeDiagnosis(diagnosis),
      /^certbot-nfq: no request for .*\n\S.* \[([a-z-0-9]+), docs\/errors\.md#\1\]$/,
    )
    t.end()
  })
}

t.test('requests for other tokens are told of, and are what is wrong where nothing else is', (t) => {
  const strayed = {
    ...challenge,
    strays: { count: 3, at: '2030-01-02T03:04:07.000Z', client: '192.0.2.2:40000', token: 'other' },
  }
  const more = '; 3 requests came for other tokens, last from 192.0.2.2:40000 for other'
  const right = diagnoseUnasked(strayed, records(['192.0.2.1']), machine)
  t.equal(right.code, 'other-token')
  t.ok(right.cause.endsWith(more), right.cause)
  const elsewhere = diagnoseUnasked(
    { ...strayed, strays: { ...strayed.strays, count: 1 } },
    records(['203.0.113.9']),
    machine,
  )
  t.equal(elsewhere.code, 'elsewhere')
  t.ok(elsewhere.cause.endsWith(more.replace('3 requests', '1 request')), elsewhere.cause)
  t.end()
})

t.test('nobody who listens is the cause, unless the name leads elsewhere', (t) => {
  const deserted = (names: NameAddresses) => diagnoseUnasked(challenge, names, machine, true)
  t.match(deserted(records(['192.0.2.1'])), { code: 'nobody-listens', cause: /: nobody listens there, and with --no-/ })
  t.equal(deserted(answers(noAnswer, noAnswer)).code, 'nobody-listens')
  t.equal(deserted(records(['203.0.113.9'])).code, 'elsewhere')
  t.equal(deserted(answers(noName, noName)).code, 'no-such-name')
  t.end()
})

t.test('of many addresses some are named', (t) => {
  const many = Array.from({ length: 9 }, (_, at) => `203.0.113.${at + 1}`)
  t.match(
    diagnoseUnasked(challenge, records(many), machine).cause,
    /A 203\.0\.113\.1, 203\.0\.113\.2, 203\.0\.113\.3, 203\.0\.113\.4 and 5 more that are not addresses/,
  )
  t.end()
})

t.test('the real addresses of this machine lead here', (t) => {
  const public4 = { address: '192.0.2.77', version: 4, reach: 'public', device: 'test' } as const
  t.equal(diagnoseUnasked(challenge, records(['192.0.2.77']), [...addressesOfMachine(), public4]).code, 'not-let-in')
  t.end()
})

function machineWith(...addresses: readonly string[]): MachineAddress[] {
  return addresses.map((address) => ({ address, version: versionOf(address), reach: reachOf(address), device: 'eth0' }))
}

function records(a: readonly string[] = [], aaaa: readonly string[] = []): NameAddresses {
  return answers({ addresses: a }, { addresses: aaaa })
}

function answers(a: DnsAnswer, aaaa: DnsAnswer): NameAddresses {
  return { name: 'example.org', 4: a, 6: aaaa }
}
