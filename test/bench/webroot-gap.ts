/**
 * Measures how long after the appearance of its file a client's challenge is requested by a CA that is one cable away:
 * how much time there is at least to arm it.
 */
import { existsSync, watch } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openScene } from '../../src/lab/scene.js'
import { webrootClients } from '../clients/webroot-clients.js'
import { percentile } from './figures.js'

/** Milliseconds for each try, by client. Nothing is armed, so every validation fails. */
export async function measureGaps(rounds: number): Promise<Readonly<Record<string, readonly number[]>>> {
  const scene = await openScene()
  try {
    const clients = await webrootClients(scene)
    const results: Record<string, number[]> = {}
    const syn = 'tcp dst port 80 and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn'
    const capture = scene.lab.server.spawn(['tcpdump', '-n', '-tt', '-l', '-i', scene.lab.server.device, syn])
    await capture.waitForOutput(/listening on/)
    for (let round = 0; round < rounds; round++) {
      for (const [client, issue] of Object.entries(clients)) {
        const webroot = join(scene.lab.directory, 'gap')
        const directory = join(webroot, '.well-known', 'acme-challenge')
        await mkdir(directory, { recursive: true })
        let appeared = NaN
        const watcher = watch(directory, (_kind, name) => {
          if (Number.isNaN(appeared) && name !== null && name.length > 20) appeared = Date.now() / 1_000
        })
        const from = capture.output().length
        await issue(`gap${round}.${client}.example.com`, webroot)
        watcher.close()
        if (existsSync(directory)) for (const name of await readdir(directory)) await rm(join(directory, name))
        // What is late from the try before does not count.
        const times = [
          ...capture
            .output()
            .slice(from)
            .matchAll(/^(\d+\.\d+) IP /gm),
        ].map(([, time]) => Number(time))
        const asked = times.find((time) => time >= appeared)
        if (asked !== undefined) (results[client] ??= []).push((asked - appeared) * 1_000)
      }
    }
    return results
  } finally {
    await scene.close()
  }
}

/** Prints a row for each client: least, median and greatest. */
export function printGaps(results: Readonly<Record<string, readonly number[]>>): void {
  for (const [client, values] of Object.entries(results)) {
    const shares = [0, 0.5, 1].map((share) => percentile(values, share).toFixed(0))
    console.log(`| ${client} | ${shares.join(' / ')} ms | ${values.length} |`)
  }
}
