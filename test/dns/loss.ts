/** A bad line between the resolver of the CA and the server. */
import type { Lab } from '../../src/lab/lab.js'

const PROGRAMS = ['iptables', 'ip6tables']

/** Loses one in five packets of the DNS between resolver and server, each way. The CA's own traffic is left alone. */
export async function loseAFifth({ validator }: Pick<Lab, 'validator'>): Promise<void> {
  for (const program of PROGRAMS)
    for (const [chain, device, port] of [
      ['INPUT', '-i', '--sport'],
      ['OUTPUT', '-o', '--dport'],
    ] as const)
      for (const transport of ['udp', 'tcp']) {
        const packets = ['-p', transport, port, '53', device, validator.device]
        const lost = ['-m', 'statistic', '--mode', 'random', '--probability', '0.2', '-j', 'DROP']
        await validator.exec([program, '-w', '-A', chain, ...packets, ...lost])
      }
}

/** Counts from now on how often the server is asked by UDP for names with this label, also what is lost on the way. */
export async function countQueries(
  { validator }: Pick<Lab, 'validator'>,
  label: string,
): Promise<() => Promise<number>> {
  const name = ['-m', 'string', '--algo', 'kmp', '--icase', '--string', label]
  for (const program of PROGRAMS)
    await validator.exec([program, '-w', '-I', 'OUTPUT', '-p', 'udp', '--dport', '53', '-o', validator.device, ...name])
  return async () => {
    const listings = PROGRAMS.map((program) => validator.exec([program, '-w', '-nvxL', 'OUTPUT']))
    const lines = (await Promise.all(listings)).flatMap(({ stdout }) => stdout.split('\n'))
    const counts = lines.filter((line) => line.includes(`"${label}"`)).map((line) => parseInt(line.trim()))
    return counts.reduce((sum, count) => sum + count, 0)
  }
}
