/**
 * Measures what an armed challenge of dns-01 costs those who ask a name server for anything else, with dnsperf:
 * `npm run bench:dns`, with `-- --rounds N --seconds N` for other than 21 rounds of 1 s, and `-- --firewall NAME`.
 * Prints a table for docs/dns-01.md, and writes nothing. The rate depends on whatever else runs on the machine. The
 * processor time of dnsperf and the name server for each query, in which the kernel's work for it is, does so less.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { request } from '../../src/control/client.js'
import { kernelUnavailable, openLab } from '../../src/lab/lab.js'
import { inRepository } from '../../src/lab/repository.js'
import { startNameServer } from '../dns/name-servers.js'
import { OWN_ZONE } from '../dns/zones.js'
import { emptyComparison, formatQuantity, formatRatios, median } from './figures.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '21' },
    seconds: { type: 'string', default: '1' },
    firewall: { type: 'string', default: 'auto' },
    server: { type: 'string', default: 'nsd' },
  },
})
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)]

/** Queries a second for the challenges of other names. */
const FLOOD = 5_000
/** Clock ticks a second (sysconf(3), _SC_CLK_TCK). */
const TICKS = 100
const CHALLENGE = {
  type: 'dns-01',
  token: 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA',
  digest: 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA',
  identifier: 'example.com',
} as const

const reason = await kernelUnavailable()
if (reason !== undefined) throw new Error(`cannot run here: ${reason}`)
const lab = await openLab()
try {
  await measure()
} finally {
  await lab.close()
}

async function measure(): Promise<void> {
  const { server, validator, directory } = lab
  const file = (name: string) => join(directory, name)
  await writeFile(
    file('bystanders'),
    'www.example.com A\ntext.example.com TXT\nwww.example.com AAAA\nnone.example.com A\n',
  )
  const others = Array.from({ length: 10_000 }, (_, at) => `_acme-challenge.host-${at}.example.com TXT\n`)
  await writeFile(file('flood'), others.join(''))
  const nameServer = await startNameServer(options.server === 'bind' ? 'bind' : 'nsd', {
    namespace: server,
    directory,
    addresses: [server.addresses.ipv4],
    zones: [OWN_ZONE],
  })
  const runDirectory = file('run')
  const socket = join(runDirectory, 'control')
  const responder = server.spawn([
    ...[inRepository('hooks/certbot-nfq'), 'serve', '--run-dir', runDirectory, '--firewall', options.firewall],
  ])
  await responder.waitForOutput(/listening in/)
  const arm = () => request(socket, { op: 'arm', ...CHALLENGE, port: 53, ttl: 3_600 })
  // The rules go with the last challenge.
  const disarm = async () => {
    const count = () => responder.output().split('rules removed').length
    const before = count()
    await request(socket, { op: 'disarm', token: CHALLENGE.token })
    while (count() === before) await responder.waitForOutput(new RegExp(`(rules removed[^]*){${before}}`))
  }
  await arm()
  const [, rules = ''] = await responder.waitForOutput(/rules for port 53 by (.*)/)
  await disarm()
  console.log(`${options.server}, rules by ${rules}; ${rounds} rounds of ${seconds} s`)
  for (const transport of ['udp', 'tcp'] as const) {
    const alone = { rate: emptyComparison(), time: emptyComparison() }
    const flooded = { rate: emptyComparison(), time: emptyComparison() }
    let lost = 0
    for (let round = 0; round < rounds; round++)
      for (const { into, isFlooded } of [
        { into: alone, isFlooded: false },
        { into: flooded, isFlooded: true },
      ])
        for (const isArmed of round % 2 === 0 ? [false, true] : [true, false]) {
          if (isArmed) await arm()
          const found = await ask(nameServer.pid, transport, isFlooded)
          if (isArmed) await disarm()
          if (isArmed) lost += found.lost
          into.rate[isArmed ? 'values' : 'baselines'].push(found.rate)
          // More time is worse: the other way round.
          into.time[isArmed ? 'baselines' : 'values'].push(found.time)
        }
    for (const [what, { rate, time }] of [
      [`${transport}, armed`, alone],
      [`${transport}, armed, under ${formatQuantity(FLOOD)} queries a second for challenges of other names`, flooded],
    ] as const)
      console.log(
        `| ${what} | ${formatQuantity(median(rate.baselines))} | ${formatRatios(rate)} | ${formatRatios(time)} | ${lost} |`,
      )
  }
  await arm()
  const { stdout } = await validator.exec([
    'dig',
    '+short',
    `@${server.addresses.ipv4}`,
    '_acme-challenge.example.com',
    'TXT',
  ])
  if (!stdout.includes(CHALLENGE.digest)) throw new Error(`the challenge was not answered: ${stdout}`)
  await responder.stop()
}

/** Queries answered a second, those that were not answered at all, and the processor time of each in microseconds. */
async function ask(
  nameServer: number,
  transport: 'udp' | 'tcp',
  isFlooded: boolean,
): Promise<{ rate: number; lost: number; time: number }> {
  const { server, validator, directory } = lab
  const dnsperf = (file: string, ...words: string[]) => [
    'dnsperf',
    '-s',
    server.addresses.ipv4,
    '-d',
    join(directory, file),
    '-m',
    transport,
    '-T',
    '1',
    ...words,
  ]
  const flood = isFlooded
    ? validator.exec(dnsperf('flood', '-c', '4', '-l', String(seconds + 1), '-Q', String(FLOOD)))
    : undefined
  const before = await ticksOf(nameServer)
  const timed = ['bash', '-c', 'TIMEFORMAT="times %U %S"; time "$@"', 'bash']
  const { stdout, stderr } = await validator.exec([
    ...timed,
    ...dnsperf('bystanders', '-c', '8', '-l', String(seconds)),
  ])
  const ticks = (await ticksOf(nameServer)) - before
  await flood
  const figure = (pattern: RegExp, text = stdout) => Number(pattern.exec(text)?.[1] ?? NaN)
  const own = figure(/times ([\d.]+)/, stderr) + figure(/times [\d.]+ ([\d.]+)/, stderr)
  return {
    rate: figure(/Queries per second: +([\d.]+)/),
    lost: figure(/Queries lost: +(\d+)/),
    time: ((own + ticks / TICKS) * 1_000_000) / figure(/Queries completed: +(\d+)/),
  }
}

/** Returns the processor time of all processes of the name server (proc(5): utime and stime). */
async function ticksOf(pid: number): Promise<number> {
  const all = (await lab.server.processes()).filter((one) => one.pid === pid || one.command.startsWith('nsd'))
  const stats = await Promise.all(all.map((one) => readFile(`/proc/${one.pid}/stat`, 'utf8').catch(() => '')))
  return stats
    .map((text) => text.slice(text.lastIndexOf(')') + 2).split(' '))
    .reduce((sum, fields) => sum + Number(fields[11] ?? 0) + Number(fields[12] ?? 0), 0)
}
