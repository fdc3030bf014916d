/** Signs a zone, as RFC 4035, 2 has it, by BIND's tools. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../src/lab/run.js'
import type { Zone } from './name-servers.js'

/** A zone with its signatures, and what its parent says of its key. */
export interface SignedZone extends Zone {
  /** The DS records, as they stand in the parent. */
  readonly ds: readonly string[]
}

/** Signs a zone with a key of its own. */
export async function signZone(directory: string, { name, records }: Zone): Promise<SignedZone> {
  const place = await mkdtemp(join(directory, 'signed-'))
  await writeFile(join(place, 'zone'), `$TTL 60\n$ORIGIN ${name}\n${records.join('\n')}\n`)
  await run(['dnssec-keygen', '-q', '-K', place, '-a', 'ECDSAP256SHA256', '-f', 'KSK', name])
  // -z: the one key signs all; -O full: each record has its name.
  const words = ['-S', '-z', '-K', place, '-d', place, '-o', name, '-O', 'full', '-f', join(place, 'zone.signed')]
  await run(['dnssec-signzone', ...words, join(place, 'zone')], { cwd: place })
  const lines = async (file: string) => (await readFile(join(place, file), 'utf8')).split('\n').filter(isRecord)
  return { name, records: await lines('zone.signed'), ds: await lines(`dsset-${name}`) }
}

function isRecord(line: string): boolean {
  return line !== '' && !line.startsWith(';')
}
