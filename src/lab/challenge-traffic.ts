import type { Namespace } from './namespace.js'

/** One challenge request as it was on the wire, and what came back on the same connection. */
export interface ChallengeExchange {
  /** As tcpdump writes it: address and port joined by a dot. */
  readonly client: string
  readonly server: string
  /** The request line. */
  readonly request: string
  /** The User-Agent field; empty without one. */
  readonly agent: string
  /** The status line; empty when there was no answer. */
  readonly status: string
  /** The last line of the answer: the key authorization, when all is well. */
  readonly body: string
}

/** A capture that is running. */
export interface ChallengeCapture {
  /** Ends it. Returns every challenge request it has seen, in order. */
  stop(): Promise<ChallengeExchange[]>
}

/** Captures the HTTP of a namespace with tcpdump, from the moment this resolves. */
export async function captureChallenges(namespace: Namespace): Promise<ChallengeCapture> {
  const tcpdump = namespace.spawn([
    'tcpdump',
    '-i',
    namespace.device,
    '--immediate-mode',
    '-l',
    '-nn',
    '-A',
    'tcp port 80',
  ])
  await tcpdump.waitForOutput(/listening on/)
  return {
    async stop() {
      // On SIGINT tcpdump writes what it has left.
      await tcpdump.stop('SIGINT')
      return challengesIn(tcpdump.output())
    },
  }
}

/**
 * Returns the challenge requests in the output of `tcpdump -nn -A`: a line for each packet, followed by its bytes as
 * text.
 */
export function challengesIn(output: string): ChallengeExchange[] {
  const packets = output.split(/^(?=[\d:.]+ IP6? )/m).map((text) => ({
    text,
    ...(/ IP6? (?<from>\S+) > (?<to>\S+): /.exec(text)?.groups as { from?: string; to?: string }),
  }))
  return packets.flatMap(({ text, from = '', to = '' }) => {
    // The first bytes of the text are the packet's headers.
    const request = /[A-Z]+ \/\.well-known\/acme-challenge\/\S* HTTP\/1\.[01]\r?$/m.exec(text)?.[0].trim()
    if (request === undefined) return []
    const answer =
      packets.find((packet) => packet.from === to && packet.to === from && packet.text.includes('HTTP/1.1 '))?.text ??
      ''
    return {
      client: from,
      server: to,
      request,
      agent: /^User-Agent: (.*?)\r?$/m.exec(text)?.[1] ?? '',
      status: /HTTP\/1\.1 \d{3}.*?(?=\r?$)/m.exec(answer)?.[0] ?? '',
      body: answer.trim().split('\n').at(-1) ?? '',
    }
  })
}
