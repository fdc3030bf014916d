/**
 * Makes the pictures of docs from real runs: `npm run casts`, or `npm run casts -- watch` for one of demo, watch and
 * diagnosis. Needs root, as the demo does.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCertbot } from '../../src/lab/certbot.js'
import { request } from '../../src/lab/http.js'
import { inRepository } from '../../src/lab/repository.js'
import { openScene } from '../../src/lab/scene.js'
import { challengeFor } from '../scenarios/challenge.js'
import { drawCast, excerpt, fitted, type Cast } from './picture.js'
import { record } from './record.js'
import { screenOf, type Chunk } from './screen.js'

const casts = { demo: castOfDemo, watch: castOfWatch, diagnosis: castOfDiagnosis }

for (const [name, make] of Object.entries(casts)) {
  if (process.argv.length > 2 && !process.argv.includes(name)) continue
  await writeFile(inRepository(`docs/${name}.svg`), drawCast(await make()))
  console.log(`docs/${name}.svg`)
}

/** The demo as it is run by hand. */
async function castOfDemo(): Promise<Cast> {
  const demo = record(`exec ${inRepository('hooks/certbot-nfq')} demo`)
  if ((await demo.ended) !== 0) throw new Error(demo.chunks.map(({ text }) => text).join(''))
  const told = [/nginx owns port 80/, /certbot gets a certificate/, /What /, /As before/]
  return {
    title: 'npm run demo: certbot gets a certificate for a host whose port 80 belongs to nginx',
    command: 'npm run demo',
    lines: excerpt(screenOf(demo.chunks.map(withoutClone)), told).flatMap((line) => fitted(line)),
  }
}

/** Names of files as they are in a clone, wherever this one is. */
function withoutClone({ at, text }: Chunk): Chunk {
  return { at, text: text.replaceAll(inRepository('hooks/'), 'hooks/') }
}

/** Requests of a validator, of which the web server answers one as it should. */
async function castOfWatch(): Promise<Cast> {
  const { lab, webServer, close } = await openScene()
  try {
    const { token, keyAuthorization } = challengeFor('watched')
    const directory = '.well-known/acme-challenge'
    await mkdir(join(webServer.root, directory), { recursive: true })
    await writeFile(join(webServer.root, directory, token), keyAuthorization)
    const watch = record(`exec ${inRepository('hooks/certbot-nfq')} watch`, lab.server.name)
    await watch.waitFor(/Waiting for GET/)
    const ask = (address: string, path: string, host: string) =>
      request(lab.validator, { address, path: `/${directory}/${path}`, host })
    const { ipv4, ipv6 } = lab.server.addresses
    await ask(ipv4, token, 'www.example.com')
    await ask(ipv6, token, 'www.example.com')
    await ask(ipv4, challengeFor('of nobody').token, 'old.example.com')
    await watch.waitFor(/3 requests for challenges so far/)
    await watch.waitFor(/old\.example\.com +\S+ +200/)
    watch.interrupt()
    await watch.ended
    return {
      title: 'certbot-nfq watch: three requests for challenges, of which the web server answers two as it should',
      command: 'certbot-nfq watch',
      lines: screenOf(watch.chunks)
        .filter(({ spans }) => !spans.some(({ text }) => text.includes('^C')))
        .flatMap((line) => fitted(line)),
    }
  } finally {
    await close()
  }
}

/** A name that leads to another machine: what certbot and the hook say. */
async function castOfDiagnosis(): Promise<Cast> {
  const { lab, authority, close } = await openScene()
  try {
    const name = 'www.example.com'
    const certbot = await createCertbot(lab, authority, { nameServer: authority.dnsServer })
    await authority.setIpv6(name, [lab.validator.addresses.ipv6])
    const start = performance.now()
    const { stdout, stderr } = await certbot.certonly([name])
    const at = performance.now() - start
    const output = `${stdout}${stderr}`.replaceAll(inRepository('.').replace(/\/$/, ''), '/usr/lib/certbot-nfq')
    const wanted =
      /^(Requesting a certificate|Hook '|certbot-nfq: |[A-Z].* \[[a-z\d-]+, \/| +Domain: | +Type: | +Detail: |Some challenges have failed)/
    const lines = output
      .split('\n')
      .map((line) => line.replace(/^ +(?=certbot-nfq: |[A-Z].* \[)/, ''))
      .filter((line) => wanted.test(line))
    return {
      title: 'A failed validation: the cleanup hook says that the AAAA record leads to another machine',
      command: `certbot certonly --manual … -d ${name}`,
      lines: lines.flatMap((text, row) =>
        fitted(
          {
            at: row === 0 ? 0 : at + row * 100,
            spans: [{ text, style: text.startsWith('certbot-nfq: ') ? 'yellow' : 'plain' }],
          },
          true,
        ),
      ),
    }
  } finally {
    await close()
  }
}
