/** Asks one DNS server one question by UDP, for what node:dns cannot ask. */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { formatQuestion, readResponse, type DnsQuestion, type DnsResponse } from '../wire/dns/dns-response.js'
import { versionOf } from './addresses.js'

/** Milliseconds until the question is asked again. */
const PATIENCE = 700

/**
 * Returns the response; nothing when none has come until the signal. `server` is an address, with a port if it is
 * another than 53, as node:dns writes it.
 */
export async function askDns(
  server: string,
  question: Omit<DnsQuestion, 'id'>,
  signal: AbortSignal,
): Promise<DnsResponse | undefined> {
  const { address, port } = splitPort(server)
  const id = randomInt(0x10000)
  const message = formatQuestion({ ...question, id })
  const socket = createSocket(versionOf(address) === 6 ? 'udp6' : 'udp4')
  return new Promise<DnsResponse | undefined>((resolve) => {
    const end = (response?: DnsResponse) => {
      clearInterval(timer)
      signal.removeEventListener('abort', onAbort)
      socket.close()
      resolve(response)
    }
    const onAbort = () => end()
    const timer = setInterval(() => socket.send(message), PATIENCE)
    if (signal.aborted) return end()
    signal.addEventListener('abort', onAbort)
    socket.on('error', () => end())
    socket.on('message', (bytes) => {
      const response = readResponse(bytes)
      if (response?.id === id) end(response)
    })
    // Connected, so that it gets datagrams of this server alone, and is told of a refusal.
    socket.connect(port, address, () => socket.send(message))
  })
}

function splitPort(server: string): { readonly address: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(server) ?? []
  return { address: bracketed ?? plain ?? server, port: Number(port ?? 53) }
}
