/** Ordinary clients of the name server. */
import { framed, queryFor } from '../challenge/dns-01/queries.js'
import { connect, type Connection } from './connection.js'
import { addresses, type World } from './world.js'

/** What they ask for. The second is for the program's eyes, and yet not its business. */
export const dnsNames = ['www.example.org', '_acme-challenge.nobody.example.com'] as const

/** Returns what went wrong, if anything: the name server knows no name, and says so. It is asked by TCP. */
export async function requestByDns(world: World, name: string, family: 4 | 6): Promise<string | undefined> {
  const limit = 30_000 * world.means.pace
  const who = name.startsWith('_') ? 'curious' : 'bystander'
  const connection = connect(world.lab.validator, addresses[who][family], addresses.server[family], limit, 53)
  await connection.write(framedText(name))
  const reply = await firstReply(connection, 0, limit)
  const { how } = await connection.ended(0)
  connection.close()
  return reply && isUnknown(reply)
    ? undefined
    : `${who} asked for ${name} on IPv${family}, port ${connection.port}: ${how} ${reply?.toString('hex') ?? ''}`
}

/** Returns a query for TXT as TCP carries it, a character for a byte. */
export function framedText(name: string): string {
  return Buffer.from(framed(queryFor(name))).toString('latin1')
}

/** Returns the first whole message after so many bytes; nothing when the connection ends, or after so many ms. */
export async function firstReply(connection: Connection, after: number, limit: number): Promise<Buffer | undefined> {
  const head = Buffer.from(await connection.receives(after + 2, limit), 'latin1').subarray(after)
  if (head.length < 2) return undefined
  const length = 2 + head.readUInt16BE(0)
  const whole = Buffer.from(await connection.receives(after + length, limit), 'latin1').subarray(after, after + length)
  return whole.length < length ? undefined : whole.subarray(2)
}

/** Whether a reply says that there is no such name (RCODE 3). */
export function isUnknown(reply: Buffer): boolean {
  return ((reply[3] ?? 0) & 15) === 3
}
