/**
 * The systemd journal, for a responder that no hook listens to. It uses the journal's own protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL), one datagram for each line. Without a journal it does nothing.
 */
import { connectDatagram } from '../kernel/datagram-socket.js'
import type { Sink } from './log.js'
import type { Level, LogEntry } from './log-format.js'

const SOCKET = '/run/systemd/journal/socket'

/** Syslog's severities (RFC 5424, 6.2.1). */
const PRIORITIES: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 }

/** The longest message in bytes. A stack trace is shorter. A datagram that is too long would be refused as a whole. */
const MAX_MESSAGE = 16 * 1024

/**
 * Opens the journal. To be called while this process is still root. It gets warnings and errors, or all lines with
 * `isVerbose`. Returns `undefined` when this machine has none. The sink loses a line rather than wait for a journal
 * that is slow or gone.
 * @throws Failure `native-module`
 */
export async function journalSink(isVerbose: boolean, path = SOCKET): Promise<Sink | undefined> {
  const send = await connectDatagram(path)
  return (
    send &&
    ((entry) => {
      if (isVerbose || entry.level === 'warning' || entry.level === 'error') send(formatJournalEntry(entry))
    })
  )
}

/**
 * Returns the datagram of a line: `NAME=value`, or for a value of several lines `NAME`, its length (64 bits, little
 * endian) and the value.
 */
export function formatJournalEntry({ level, message, fields }: LogEntry): Uint8Array {
  // The prefix is not CERTBOT_NFQ_, which options have.
  const own = Object.entries(fields).map(([name, value]): [string, string] => [
    `NFQ_${name.toUpperCase()}`,
    String(value),
  ])
  const all: [string, string][] = [
    ['PRIORITY', String(PRIORITIES[level])],
    ['SYSLOG_IDENTIFIER', 'certbot-nfq'],
    ['MESSAGE', message],
    ...own,
  ]
  return Buffer.concat(all.map(([name, value]) => field(name, Buffer.from(value).subarray(0, MAX_MESSAGE))))
}

function field(name: string, value: Buffer): Buffer {
  if (!value.includes('\n')) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(value.length))
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')])
}
