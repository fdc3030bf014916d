import { CHALLENGE_PATH } from '../wire/http/http.js'
import { startBystanders } from './bystanders.js'
import { readCertificate } from './certificate.js'
import { captureChallenges, type ChallengeExchange } from './challenge-traffic.js'
import { request } from './http.js'
import type { Finished } from './lab.js'
import { kernelUnavailable, labPrograms } from './kernel-unavailable.js'
import { missingPrograms } from './programs.js'
import { openScene, scenePrograms, type Scene } from './scene.js'
import { story, type Print, type Story } from './story.js'
import { isInterrupted } from './while-open.js'

const name = 'www.example.com'

/**
 * Shows how everything works, in network namespaces of its own: a web server that owns port 80, certbot getting a
 * certificate through the hooks and renewing it, and everything as before afterwards. It prints each step. It rejects
 * with a message for a person when something is missing or goes wrong; the lab is closed by then. `next` is what to do
 * then, in a line.
 */
export async function runDemo(print: Print, next: string): Promise<void> {
  const tell = story(print)
  const start = performance.now()
  tell.title('A certificate by http-01 for a host whose port 80 is taken')
  await checkMachine()
  let seen: Seen
  try {
    const scene = await openScene()
    try {
      await showScene(scene, tell)
      seen = await showCertificates(scene, tell)
      await showAftermath(scene, tell)
    } finally {
      await scene.close()
    }
  } catch (error) {
    // What fails now fails because the lab is being closed.
    throw isInterrupted() ? new Error('interrupted; nothing is left behind') : error
  }
  const seconds = Math.round((performance.now() - start) / 1000)
  tell.end(`Done in ${seconds} s.`)
  tell.detail(`${name} got its certificate, and renewed it, while nginx kept port 80.`)
  tell.detail(`The ${seen.validations} requests of the validator were answered in its place.`)
  tell.detail(`The ${seen.requests} requests of other clients were all answered by nginx.`)
  tell.detail('Nothing is left of it on this machine.')
  tell.detail(`Next: ${next}`)
}

/** What keeps the demo from beginning: `message` says it. */
export class DemoUnable extends Error {
  readonly lack: 'root' | 'programs' | 'kernel'

  constructor(lack: DemoUnable['lack'], message: string) {
    super(message)
    this.lack = lack
  }
}

/** @throws DemoUnable */
async function checkMachine(): Promise<void> {
  if (process.geteuid?.() !== 0) throw new DemoUnable('root', 'the demo makes network namespaces, and only root can')
  const missing = await missingPrograms([...labPrograms, ...scenePrograms, 'tcpdump'])
  if (missing !== undefined) throw new DemoUnable('programs', `the demo cannot run here: ${missing}`)
  const unavailable = await kernelUnavailable()
  if (unavailable !== undefined) throw new DemoUnable('kernel', `the demo cannot run here: ${unavailable}`)
}

async function showScene({ lab, webServer, authority }: Scene, tell: Story): Promise<void> {
  tell.step('Two machines on one cable, made of network namespaces')
  for (const [role, { addresses }] of [
    ['server', lab.server],
    ['validator', lab.validator],
  ] as const) {
    tell.detail(`${role.padEnd(9)}  ${addresses.ipv4}, ${addresses.ipv6}`)
  }
  tell.step('nginx owns port 80 of the server')
  const { ipv4: address } = lab.server.addresses
  const { status, body } = await request(lab.validator, { address })
  tell.detail(`GET ${webServer.url}  ->  ${status}, "${body.trim()}"`)
  expect(status === 200 && body === webServer.body, 'nginx does not answer as it should')
  tell.step('A certificate authority, pebble, with its DNS: every name leads to the server')
  tell.detail(authority.directoryUrl)
}

/** What was seen of two runs of certbot: requests of the validator, and of other clients. */
interface Seen {
  readonly validations: number
  readonly requests: number
}

async function showCertificates(scene: Scene, tell: Story): Promise<Seen> {
  const { certbot } = scene
  tell.step(`certbot gets a certificate for ${name}; other clients go on meanwhile`)
  tell.detail('certbot certonly --manual --preferred-challenges http \\')
  tell.detail(`  --manual-auth-hook hooks/auth --manual-cleanup-hook hooks/cleanup -d ${name}`)
  const first = await attempt(scene, tell, () => certbot.certonly([name]))
  tell.step('certbot renews it, with what it remembers of the first time')
  tell.detail('certbot renew --force-renewal')
  const second = await attempt(scene, tell, () => certbot.renew())
  expect(first.serial !== second.serial, 'the renewed certificate is the old one')
  return { validations: first.validations + second.validations, requests: first.requests + second.requests }
}

/** Runs certbot and watches it. Returns what was seen, and the serial number of the certificate. */
async function attempt(
  { lab, webServer, certbot }: Scene,
  tell: Story,
  work: () => Promise<Finished>,
): Promise<Seen & { readonly serial: string }> {
  const { ipv4, ipv6 } = lab.server.addresses
  const capture = await captureChallenges(lab.validator)
  const bystanders = [ipv4, ipv6].map((address) => startBystanders(lab.validator, { address }, webServer.body))
  const start = performance.now()
  const outcome = await work()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const served = await Promise.all(bystanders.map((each) => each.stop()))
  const exchanges = await capture.stop()

  if (outcome.exitCode !== 0) throw new Error(`certbot failed:\n${outcome.stdout}${outcome.stderr}`)
  tell.detail(
    `certbot: ${/^.*(?:Successfully received certificate|all renewals succeeded)/m.exec(outcome.stdout)?.[0] ?? 'done'} (${seconds} s)`,
  )
  showExchanges(exchanges, tell)
  const failures = served.flatMap((each) => each.failures)
  const requests = served.reduce((sum, each) => sum + each.requests, 0)
  tell.detail(`other clients: ${requests} requests by IPv4 and IPv6, ${requests - failures.length} answered by nginx`)
  expect(failures.length === 0, `${failures.length} ordinary requests went wrong, the first:\n${failures[0] ?? ''}`)
  const { serial } = await readCertificate(certbot.certificate(name))
  return { serial, requests, validations: exchanges.length }
}

function showExchanges(exchanges: readonly ChallengeExchange[], tell: Story): void {
  const { length } = exchanges
  const [sample] = exchanges
  expect(sample !== undefined, 'the validator sent no challenge request')
  expect(
    exchanges.every(({ status }) => status === 'HTTP/1.1 200 OK'),
    'not every validation was answered with 200',
  )
  tell.detail(
    `the validator: ${length} requests by ${sample.agent.split(' ')[0] ?? ''}, all answered from port 80 of the server`,
  )
  tell.detail(`  ${sample.request}`)
  tell.detail(`  ${sample.status}`)
  tell.detail(`  ${sample.body}`)
}

async function showAftermath(scene: Scene, tell: Story): Promise<void> {
  tell.step('The certificate')
  const { names, issuer, notBefore, notAfter } = await readCertificate(scene.certbot.certificate(name))
  tell.detail(`names   ${names.join(', ')}`)
  tell.detail(`issuer  ${issuer}`)
  tell.detail(`valid   ${notBefore} to ${notAfter}`)
  expect(names.join() === name, 'the certificate has other names than were asked for')

  tell.step('What nginx saw')
  const challenges = await scene.challengesAtWebServer()
  tell.detail(
    `${(await scene.webServer.requests()).length} requests, ${challenges.length} of them for ${CHALLENGE_PATH}`,
  )
  expect(challenges.length === 0, 'a challenge reached nginx')

  tell.step('As before')
  const leftovers = await scene.leftovers()
  expect(leftovers.length === 0, `something was left behind:\n${leftovers.join('\n')}`)
  tell.detail('rules (nft, iptables, ip6tables), processes and sockets of the server are those of before')
}

function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}
