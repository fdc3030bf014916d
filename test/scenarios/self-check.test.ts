import t from 'tap'
import type { Namespace } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { waitUntil } from '../../src/lab/wait-until.js'
import { startWebServer } from '../../src/lab/web-server.js'
import { requiresKernel } from '../requires-kernel.js'
import { openArmedLab, programs, type ArmedLab } from './armed-lab.js'
import { challengeFor } from './challenge.js'
import { harden } from './stateful-rules.js'
import { exchange } from './tcp-client.js'

const challenge = challengeFor('self-check')
const second = challengeFor('self-check, warm')
const silence = { exitCode: 0, stdout: '', stderr: '' }
const warning = (text: string) => ({
  exitCode: 0,
  stdout: '',
  stderr: new RegExp(
    `^certbot-nfq: [^\\n]*${text}[^\\n]*\\n[^\\n]* \\[self-check, /[^\\n]*/docs/errors\\.md#self-check\\]\\n?$`,
  ),
})

t.test(
  'an auth hook that has made the responder cover a port tries it',
  await requiresKernel(...programs),
  async (t) => {
    t.test('a local web server: one request by each family is taken over, and nothing is said', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true })
      t.same(await lab.auth(challenge), silence)
      t.same(await taken(lab), { self: 2, all: 2 })
      const { challenges } = await lab.running()
      t.match(challenges, [{ token: challenge.token, visits: [] }], 'it is no challenge, and no visit')
      t.equal(challenges.length, 1)
      t.same(await lab.auth(second), silence)
      t.same(await taken(lab), { self: 2, all: 2 }, 'a port that is known is not tried again')
      const { service } = await startWebServer(lab, { port: 8080 })
      t.same(await lab.auth(second, '--port', '8080'), silence)
      t.same(await taken(lab), { self: 4, all: 4 }, 'another is')
      t.same(await lab.cleanup(second), silence)
      t.same(await lab.cleanup(challenge), silence)
      await service.stop()
      t.same(await lab.challengesAtWebServer(), [])
      t.same(await lab.leftovers(), [])
    })

    t.test('a port that nobody listens on', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true, noWebServer: true })
      t.same(await lab.auth(challenge), silence)
      t.same(await taken(lab), { self: 2, all: 2 })
      t.same(await lab.cleanup(challenge), silence)
      t.match(
        await lab.auth(challenge, '--no-standalone'),
        warning('self-check: nobody accepts connections to port 80 by IPv4'),
      )
      t.same(await lab.cleanup(challenge), silence)
      t.same(await lab.leftovers(), [])
    })

    t.test('a web server on one address of the machine', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true, noWebServer: true })
      const web = lab.server.spawn([
        process.execPath,
        '-e',
        'require("net").createServer((s) => s.on("error", () => {})).listen(80, process.argv[1], () => console.log("up"))',
        lab.server.addresses.ipv4,
      ])
      await web.waitForOutput(/up/)
      t.same(await lab.auth(challenge, '--no-standalone'), silence)
      t.same(await taken(lab), { self: 1, all: 1 })
      t.same(await lab.cleanup(challenge), silence)
      await web.stop()
    })

    t.test('a published container: a client from outside is answered, and nothing of it stays', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true, container: true })
      const before = await surroundings(lab.server)
      t.same(await lab.auth(challenge), silence)
      t.same(await taken(lab), { self: 2, all: 2 })
      t.match(
        (await lab.running()).log.join('\n'),
        /-self-check acknowledged: (198\.19|192\.0\.2|203\.0\.113)\.[\d.]+:\d+/,
      )
      t.equal(await surroundings(lab.server), before)
      t.same(await lab.cleanup(challenge), silence)
      t.same(await lab.challengesAtWebServer(), [])
      t.same(await lab.leftovers(), [])
    })

    t.test('a machine whose loopback is shut is tried from outside', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true, prepare: harden })
      const before = await surroundings(lab.server)
      t.same(await lab.auth(challenge), silence)
      t.same(await taken(lab), { self: 2, all: 2 })
      t.equal(await surroundings(lab.server), before)
      t.same(await lab.cleanup(challenge), silence)
      t.same(await lab.leftovers(), [])
    })

    t.test('a firewall that drops all there is: a warning, and the challenge is armed', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true, prepare: dropAllButTheLink })
      const before = await surroundings(lab.server)
      t.match(
        await lab.auth(challenge),
        warning('self-check: no connection to port 80 by IPv4 was accepted: a firewall rule may drop it'),
      )
      t.equal(await surroundings(lab.server), before)
      t.equal(await exchange(lab.validator, { address: lab.server.addresses.ipv4 }, challenge.request), challenge.reply)
      t.same(await lab.cleanup(challenge), silence)
      t.same(await lab.leftovers(), [])
    })

    t.test('a rule that accepts the request before ours stands behind ours as soon as a token is armed', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true })
      const { service } = await startWebServer(lab, { port: 8080 })
      const steal = (verb: readonly string[]) =>
        lab.server.exec(['ip6tables', '-t', 'mangle', ...verb, '-p', 'tcp', '-j', 'ACCEPT'])
      t.same(await lab.auth(challenge, '--firewall', 'iptables'), silence)
      await steal(['-I', 'INPUT', '1'])
      t.same(await lab.auth(second, '--port', '8080'), silence)
      const address = lab.server.addresses.ipv6
      t.equal(await exchange(lab.validator, { address }, challenge.request), challenge.reply)
      await steal(['-D', 'INPUT'])
      for (const each of [challenge, second]) t.same(await lab.cleanup(each), silence)
      await service.stop()
      t.same(await lab.leftovers(), [])
    })

    t.test('a request that is dropped on its way, and an answer that is: each is said to be that', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true })
      // A request has a hundred bytes more than what opens a connection.
      const dropLong = (rule: string) => lab.server.exec(`${rule} -m length --length 100: -j DROP`.split(' '))
      await dropLong('iptables -t raw -A PREROUTING -i lo -p tcp --dport 80')
      await dropLong('ip6tables -A OUTPUT -o lo -p tcp --sport 80')
      t.match(
        await lab.auth(challenge),
        warning(
          "self-check: a connection to port 80 by IPv4 was accepted, but the request on it did not reach the responder: [^;]*; the responder's answer to a request to port 80 by IPv6 did not arrive: ",
        ),
      )
      t.same(await lab.cleanup(challenge), silence)
    })

    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      t.test(`a hook that gets ${signal} while a client from outside asks leaves nothing of that`, async (t) => {
        const lab = await openArmedLab(t, { selfCheck: true, prepare: dropAllButTheLink })
        const before = await surroundings(lab.server)
        const env = {
          CERTBOT_DOMAIN: 'example.com',
          CERTBOT_TOKEN: challenge.token,
          CERTBOT_VALIDATION: challenge.keyAuthorization,
        }
        const hook = lab.server.spawn([inRepository('hooks/auth'), '--run-dir', lab.runDirectory], { env })
        await waitUntil(async () => /^cnfq/m.test(await surroundings(lab.server)), 'the cable')
        await hook.stop(signal)
        await waitUntil(async () => (await surroundings(lab.server)) === before, 'everything to be as before')
        t.same(await lab.cleanup(challenge), silence)
        t.same(await lab.leftovers(), [])
      })
    }

    t.test('--no-self-check', async (t) => {
      const lab = await openArmedLab(t, { selfCheck: true, noWebServer: true })
      t.same(await lab.auth(challenge, '--no-standalone', '--no-self-check'), silence)
      t.same(await taken(lab), { self: 0, all: 0 })
      t.match(
        await lab.auth(second, '--no-standalone'),
        warning('self-check: nobody accepts'),
        'the next hook that wants it makes it',
      )
      for (const each of [challenge, second]) t.same(await lab.cleanup(each), silence)
      t.same(await lab.leftovers(), [])
    })
  },
)

/** IPv4 to port 80 comes in by the lab's own link only: neither loopback nor a client from outside gets through. */
async function dropAllButTheLink(server: Namespace): Promise<void> {
  await server.exec(['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '80', '!', '-i', server.device, '-j', 'DROP'])
}

/** Connections taken over: for a self-check, and all. */
async function taken(lab: ArmedLab): Promise<{ self: number; all: number | undefined }> {
  const { log, counts } = await lab.running()
  return { self: log.filter((line) => /-self-check taken over: /.test(line)).length, all: counts.takenOver }
}

/** Links, addresses and routes of the server. */
async function surroundings(server: Namespace): Promise<string> {
  const { stdout: links } = await server.exec(['ip', '-brief', 'address'])
  const { stdout: routes } = await server.exec(['sh', '-c', 'ip route; ip -6 route'])
  return `${links}\n${routes}`
}
