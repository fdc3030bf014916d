import type { Namespace } from './namespace.js'

/** One request of HTTP/1.1 on a connection of its own. */
export interface HttpRequest {
  readonly address: string
  /** 80 unless said. */
  readonly port?: number
  readonly method?: 'GET' | 'HEAD' | 'POST'
  readonly path?: string
  /** The Host field; the address unless said. */
  readonly host?: string
  readonly body?: string
}

/** What came back; `status` is 0 when it was no HTTP response (nothing, or a reset). */
export interface HttpResponse {
  readonly status: number
  /** The status line and the fields, as sent. */
  readonly head: string
  readonly body: string
}

// Bash connects by itself. So no client has to be installed, and a request costs milliseconds rather than the start of
// a Node.
const exchange = 'exec 3<>"/dev/tcp/$1/$2" && cat >&3 && cat <&3'

/**
 * Sends a request from a namespace and reads until the other side closes. A refused connection, or one without an
 * answer for a minute, gives a response of status 0.
 */
export async function request(from: Namespace, options: HttpRequest): Promise<HttpResponse> {
  const { address, port = 80, method = 'GET', path = '/', body = '' } = options
  const host = options.host ?? (address.includes(':') ? `[${address}]` : address)
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const input = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...length, '', body].join('\r\n')
  const argv = ['bash', '-c', exchange, 'bash', address, String(port)]
  const { stdout } = await from.exec(argv, { input, reject: false, timeout: 60_000 })
  const end = stdout.indexOf('\r\n\r\n')
  const head = end < 0 ? stdout : stdout.slice(0, end)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
    head,
    body: end < 0 ? '' : stdout.slice(end + 4),
  }
}
