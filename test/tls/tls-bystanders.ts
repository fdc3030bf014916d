import type { Namespace } from '../../src/lab/lab.js'
import { known } from '../fixtures/known.js'

/** Ordinary TLS clients at work. */
export interface TlsBystanders {
  /** Ends them. Returns the number of handshakes that were made. Rejects when one of them failed. */
  stop(): Promise<number>
}

/**
 * Does whole requests by TLS, one after another, each on a connection of its own. Some ask for a name that is armed.
 */
export function startTlsBystanders(from: Namespace, address: string): TlsBystanders {
  const program = from.spawn([process.execPath, '--input-type=module', '-e', PROGRAM, address], { stdin: 'pipe' })
  return {
    stop: async () => {
      program.write('stop\n')
      const [line] = await program.waitForOutput(/^(?:handshakes \d+|failed .*)$/m)
      await program.stop()
      const [, count] = /^handshakes (\d+)$/.exec(known(line)) ?? []
      if (count === undefined) throw new Error(line)
      return Number(count)
    },
  }
}

const PROGRAM = `
  import { once } from 'node:events'
  import { connect } from 'node:tls'
  let isStopped = false
  process.stdin.once('data', () => (isStopped = true))
  const names = ['one.example.com', 'www.example.org', '']
  let count = 0
  try {
    for (; !isStopped; count++) {
      const servername = names[count % names.length]
      const host = process.argv[1]
      const options = { host, port: 443, servername, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }
      const socket = connect(options)
      await once(socket, 'secureConnect')
      socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
      let text = ''
      for await (const piece of socket) text += piece
      if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(text)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    console.log('handshakes ' + count)
  } catch (error) {
    console.log('failed ' + error)
  }
  process.exit()
`
