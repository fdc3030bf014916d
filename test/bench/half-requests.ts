/**
 * A flood of half requests: `half-requests.ts ADDRESS RATE` sends so many packets a second to port 80 of an IPv4
 * address, until SIGINT; then it prints the rate that it reached. Each is the middle of a connection that nobody has
 * opened, from hosts that do not exist.
 */
import { loadLibc } from '../../src/kernel/libc.js'
import { emitPacket } from '../../src/wire/packet.js'
import { ACK, PSH } from '../../src/wire/tcp.js'
import * as at from '../scenarios/namespace-socket.js'

const SOCK_RAW = 3
const IPPROTO_RAW = 255
const HOSTS = 200
/** Milliseconds between two bursts. */
const PAUSE = 2

const [address = '', rate = ''] = process.argv.slice(2)
const libc = await loadLibc()
const fd = libc.socket(at.AF_INET, SOCK_RAW, IPPROTO_RAW)
const payload = Uint8Array.from(Buffer.from('GET /.well-known/acme-challenge/ab'))
const destination = at.parseAddress(address)
const to = at.internetAddress(address, 0)
let sent = 0

const start = performance.now()
const seconds = () => (performance.now() - start) / 1_000
const timer = setInterval(() => {
  for (const due = seconds() * Number(rate); sent < due; sent++) at.sendTo(fd, halfRequest(sent), to)
}, PAUSE)
process.once('SIGINT', () => {
  clearInterval(timer)
  console.log(`rate ${sent / seconds()}`)
})
console.log('begins')

function halfRequest(number: number): Uint8Array {
  const source = Uint8Array.of(198, 51, 100, 1 + (number % HOSTS))
  return emitPacket(
    { version: 4, source, destination },
    {
      sourcePort: 1_024 + (Math.floor(number / HOSTS) % 60_000),
      destinationPort: 80,
      sequence: number,
      acknowledgment: 1,
      flags: PSH | ACK,
      window: 500,
      payload,
    },
  )
}
