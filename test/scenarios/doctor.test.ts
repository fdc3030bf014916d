import { join } from 'node:path'
import t from 'tap'
import { startCertificateAuthority } from '../../src/lab/certificate-authority.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, parentOf, programs } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { eachFamily, examine, find } from './doctor-run.js'
import { standIns } from './stand-ins.js'

// It may read a clone that is root's alone.
const asNobody = [
  'setpriv',
  '--reuid',
  '65534',
  '--regid',
  '65534',
  '--clear-groups',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
]
/** Where pebble-challtestsrv serves the DNS of a lab. */
const RESOLVER = '127.0.0.1:8053'

t.test(
  'doctor, on the real thing',
  await requiresKernel(...programs, 'nft', 'pebble', 'pebble-challtestsrv', 'openssl'),
  async (t) => {
    t.test('nginx owns the port, and all is well', async (t) => {
      const lab = await openArmedLab(t)
      const { exitCode, findings } = await examine(lab)
      t.same(
        findings.filter(({ level }) => level !== 'ok'),
        [],
      )
      t.equal(exitCode, 0)
      const pid = lab.webServer.service.pid
      t.match(find(findings, 'port'), [{ message: `port 80 belongs to nginx (process ${pid}) on 0.0.0.0 and ::` }])
      t.match(find(findings, 'firewall'), [{ message: /^(nft|iptables\S*) will be used, challenge requests only/ }])
      t.match(find(findings, 'node'), [{ message: /^systemd, cron and snap will run \/.*node/ }])
    })

    t.test('with --dns and --tls it looks at their ports, and tries their rules', async (t) => {
      const lab = await openArmedLab(t)
      for (const [option, port] of [
        ['--dns', 53],
        ['--tls', 443],
      ] as const) {
        const { exitCode, findings } = await examine(lab, option)
        t.equal(exitCode, 0, option)
        t.match(find(findings, 'port'), [{ level: 'ok', message: new RegExp(`nobody listens on port ${port}`) }])
        t.match(find(findings, 'firewall'), [{ level: 'ok', message: /will be used, challenge requests only/ }])
      }
      const other = await examine(lab, '--tls', '--tls-port=8443')
      t.match(find(other.findings, 'port'), [{ level: 'warn', message: /a CA asks port 443/, fix: /--tls-port/ }])
      const both = await lab.server.exec([inRepository('hooks/certbot-nfq'), 'doctor', '--dns', '--tls'], {
        reject: false,
      })
      t.match(both, { exitCode: 1, stdout: '', stderr: /--dns and --tls .*bad-option/s })
    })

    t.test('for a person it is a line each, without colour on a pipe', async (t) => {
      const lab = await openArmedLab(t)
      const { exitCode, stdout, stderr } = await lab.server.exec(
        [inRepository('hooks/certbot-nfq'), 'doctor', '--run-dir', lab.runDirectory],
        { reject: false },
      )
      t.strictSame([exitCode, stderr], [0, ''])
      const lines = stdout.trimEnd().split('\n')
      for (const line of lines.slice(0, -1)) t.match(line, /^ok {4}[a-z-]+ +\S/)
      t.match(lines.at(-1), /^\d+ ok, 0 warn, 0 fail$/)
    })

    t.test('nobody on the port is well, for the responder serves it; without that it is a failure', async (t) => {
      const lab = await openArmedLab(t, { noWebServer: true })
      const served = await examine(lab)
      t.match(find(served.findings, 'port'), [
        { level: 'ok', message: /nobody listens on port 80.*the responder will serve it itself/ },
      ])
      t.equal(served.exitCode, 0)
      const { exitCode, findings } = await examine(lab, '--no-standalone')
      t.match(find(findings, 'port'), [{ level: 'fail', message: /nobody listens on port 80/ }])
      t.equal(exitCode, 1)
      t.match(find((await examine(lab, '--port', '8080')).findings, 'port'), [
        { level: 'warn', message: /nobody listens on port 8080, and a CA asks port 80/, fix: /leave out --port/ },
      ])
    })

    t.test('a container that the port is published of is its owner', async (t) => {
      const lab = await openArmedLab(t, { container: true })
      const { exitCode, findings } = await examine(lab)
      t.match(find(findings, 'port'), [
        { level: 'ok', message: /^port 80 goes to 198\.51\.100\.2:8080, .* and \[2001:db8:1::2\]:8080, .* by NAT$/ },
      ])
      t.equal(exitCode, 0)
    })

    t.test('a policy that drops is warned of, until a rule lets the port in', async (t) => {
      const lab = await openArmedLab(t, { prepare: (server) => eachFamily(server, 'nft', ['-P', 'INPUT', 'DROP']) })
      const { exitCode, findings } = await examine(lab)
      t.match(find(findings, 'filter'), [
        { level: 'warn', message: /^IPv4: .*policy drop/ },
        { level: 'warn', message: /^IPv6: / },
      ])
      t.equal(exitCode, 0, 'a guess is no failure')
      await eachFamily(lab.server, 'nft', ['-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'ACCEPT'])
      t.match(find((await examine(lab)).findings, 'filter'), [{ level: 'ok' }])
    })

    t.test('so is one of legacy iptables, or of nft, and an exemption from tracking', async (t) => {
      const lab = await openArmedLab(t)
      await eachFamily(lab.server, 'legacy', ['-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'REJECT'])
      t.match(find((await examine(lab)).findings, 'filter'), [
        { level: 'warn', message: /^IPv4: iptables-legacy filter INPUT .*REJECT/ },
        { level: 'warn' },
      ])
      await eachFamily(lab.server, 'legacy', ['-F', 'INPUT'])
      const rules =
        'table inet fw { chain in { type filter hook input priority 0; policy drop; ct state established accept; iifname "lo" accept; }\nchain pre { type filter hook prerouting priority -300; tcp dport 80 notrack; }\n}\n'
      await lab.server.exec(['nft', '-f', '-'], { input: rules })
      const { findings } = await examine(lab)
      t.match(find(findings, 'filter'), [
        { level: 'warn', message: /^IPv4: nft inet fw in .*policy drop/ },
        { level: 'warn' },
      ])
      t.match(find(findings, 'untracked'), [{ level: 'warn', message: /nft inet fw/ }])
    })

    for (const firewall of ['iptables-nft', 'iptables-legacy']) {
      t.test(`what a killed responder has left is seen, and stays (${firewall})`, async (t) => {
        const lab = await openArmedLab(t)
        const challenge = challengeFor('doctor')
        await lab.arm(challenge, '--firewall', firewall)
        t.match(find((await examine(lab)).findings, 'leftovers'), [
          { level: 'ok', message: /a responder is at work: process \d+, 1 armed/ },
        ])
        t.match(find((await examine(lab, '--run-dir', join(lab.directory, 'run-other'))).findings, 'leftovers'), [
          { level: 'ok' },
          { level: 'warn', message: /another run directory/ },
        ])
        const { pid } = await lab.running()
        process.kill(parentOf(pid), 'SIGKILL')
        process.kill(pid, 'SIGKILL')
        await waitUntil(
          async () => !(await lab.server.processes()).some((process) => process.pid === pid),
          'the responder to be gone',
        )
        const { exitCode, findings } = await examine(lab)
        t.match(find(findings, 'leftovers'), [
          { level: 'warn', message: /killed and has left: rules, .*control, .*lock/ },
        ])
        t.equal(exitCode, 0)
        t.equal((await lab.cleanup(challenge)).exitCode, 0)
        t.match(find((await examine(lab)).findings, 'leftovers'), [{ level: 'ok', message: /nothing is left/ }])
      })
    }

    t.test('names are held against the addresses of the machine, by the DNS server asked for', async (t) => {
      const lab = await openArmedLab(t)
      // Its DNS server on this machine's own loopback.
      const dns = await startCertificateAuthority({ ...lab, validator: lab.server })
      await dns.setIpv6('own.test', [lab.server.addresses.ipv6])
      await dns.setIpv6('moved.test', ['2001:db8::99'])
      const { exitCode, findings } = await examine(
        lab,
        '-d',
        'own.test',
        '-d',
        'moved.test',
        '-d',
        '*.own.test',
        '--resolver',
        RESOLVER,
      )
      t.match(find(findings, 'name'), [
        { level: 'ok', message: 'own.test: A 192.0.2.1, AAAA 2001:db8::1: of this machine' },
        {
          level: 'warn',
          message: /^moved\.test: AAAA 2001:db8::99 is not an address of this machine; a CA asks by IPv6 first/,
        },
        { level: 'fail', message: /^\*\.own\.test is a wildcard/ },
      ])
      t.equal(exitCode, 1)
      const silent = await examine(lab, '-d', 'own.test', '--resolver', '127.0.0.1:1')
      t.match(find(silent.findings, 'name'), [
        { level: 'warn', message: /could not be looked up \(no answer from 127\.0\.0\.1:1\)/ },
      ])
      t.equal(silent.exitCode, 0)
    })

    t.test('who is not root is told so, and what could not be looked at', async (t) => {
      const lab = await openArmedLab(t)
      const { exitCode, findings } = await examine(lab, { before: asNobody })
      t.match(find(findings, 'rights'), [{ level: 'fail', message: /user id 65534/ }])
      t.match(find(findings, 'kernel'), [{ level: 'warn', message: /only root/, fix: 'run it as root' }])
      for (const check of ['filter', 'untracked', 'offload'] as const)
        t.match(find(findings, check), [{ level: 'warn', message: 'not known: only root can read the rules' }], check)
      t.equal(exitCode, 1)
    })

    t.test('a start that could not give root up is a failure', async (t) => {
      const lab = await openArmedLab(t)
      for (const missing of ['setuid', 'setgid']) {
        const { exitCode, findings } = await examine(lab, {
          before: ['setpriv', `--bounding-set=-${missing}`, '--inh-caps=-all'],
        })
        t.match(
          find(findings, 'kernel'),
          [{ level: 'fail', message: /^cannot give root up: .* failed \(EPERM\)$/, fix: /SETUID/ }],
          missing,
        )
        t.equal(exitCode, 1)
      }
      t.match(find((await examine(lab, '--user', 'no-such-user')).findings, 'kernel'), [
        { level: 'fail', message: /no user "no-such-user"/ },
      ])
    })

    t.test('where no network namespace can be made the rules are not tried, and that is said', async (t) => {
      const lab = await openArmedLab(t)
      const { findings } = await examine(lab, {
        before: ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'],
      })
      t.match(find(findings, 'kernel'), [
        { level: 'warn', message: /not tried, nor the rules: unshare: .*not permitted/ },
      ])
      t.same(find(findings, 'firewall'), [], 'once')
    })

    t.test('a trial that is ended from outside is said to be that, once, and without its command line', async (t) => {
      const stand = standIns(t, 'unshare')
      stand.kill()
      const lab = await openArmedLab(t)
      const { exitCode, findings } = await examine(lab, { before: ['env', `PATH=${stand.path}`] })
      t.same(
        findings.filter(({ level }) => level !== 'ok'),
        [
          {
            check: 'kernel',
            level: 'warn',
            message: 'not tried, nor the rules: ended by SIGKILL',
            fix: 'see with dmesg whether the kernel ended it for want of memory, and run it again',
          },
        ],
      )
      t.equal(exitCode, 0)
    })

    t.test('a slow trial is a trial', async (t) => {
      const stand = standIns(t, 'unshare')
      // Longer than any single program of the firewall may take.
      stand.slow(16)
      const lab = await openArmedLab(t)
      const { findings } = await examine(lab, { before: ['env', `PATH=${stand.path}`] })
      t.same(
        findings.filter(({ level }) => level !== 'ok'),
        [],
      )
    })
  },
)
