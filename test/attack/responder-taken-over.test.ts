/** An attacker who has taken the responder over answers on its control socket, to commands that root runs. */
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runHook, type Ended } from '../cli/command.js'
import { scriptedResponder } from '../control/scripted-responder.js'
import { temporaryDirectory } from '../temporary-directory.js'

const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
const environment = {
  CERTBOT_DOMAIN: 'example.com',
  CERTBOT_TOKEN: token,
  CERTBOT_VALIDATION: `${token}.0123456789abcdef`,
}

/**
 * Sets the title, clears the screen, goes up a line, has the terminal answer, and turns the order of reading around.
 */
const spell = '\x1b]0;title\x07\x1b[2J\x1b[1A\x9b6n\x1bP$q\x1b\\\r\u202eabc\u2066\u200b\u2028\x08\x7f\x00'
const at = '2030-01-02T03:04:05.000Z'
const challenge = { token, identifier: 'example.com', port: 80, armedAt: at, expiresIn: 1, visits: [] as unknown[] }
const visit = { at, client: '192.0.2.1:1', state: 'takenOver' }
const status = {
  version: '1.0.0',
  protocol: 1,
  pid: 1,
  startedAt: at,
  queue: 1,
  mark: 1,
  ports: [80],
  challenges: [challenge],
  counts: { packets: 1 },
  log: ['a line'],
}
const firewall = { name: 'nft', selection: 'prefilter', reason: 'first choice', tracked: [4] }

const commands = [['auth'], ['cleanup', '--verbose'], ['status'], ['status', '--json'], ['stop']] as const

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

/** Whole lines. */
const answers: Readonly<Record<string, string>> = {
  'a refusal with escape sequences': JSON.stringify({
    version: 1,
    ok: false,
    code: 'firewall-failed',
    message: `${spell}\nsecond line`,
  }),
  'a refusal of 8 MB': JSON.stringify({
    version: 1,
    ok: false,
    code: 'firewall-failed',
    message: 'x'.repeat(8_000_000),
  }),
  'a refusal of 60 KB': JSON.stringify({
    version: 1,
    ok: false,
    code: 'firewall-failed',
    message: '\u202e'.repeat(20_000),
  }),
  'a refusal of another shape': JSON.stringify({
    version: 1,
    ok: false,
    code: ['constructor'],
    message: { toString: 1 },
  }),
  'another version, with escape sequences': JSON.stringify({ version: spell, ok: true }),
  'nothing that is JSON': spell,
  'no object': '[]',
  'a nesting of 1,000,000': nested(1_000_000),
  'a nesting of 10,000 within': `{"version":1,"ok":true,"status":${nested(10_000)},"challenge":${nested(10_000)},"check":${nested(10_000)}}`,
  'a nesting of 10,000 in a status': JSON.stringify({ version: 1, ok: true, status }).replace(
    '"a line"',
    nested(10_000),
  ),
  'keys of the language’s own':
    '{"__proto__":{"ok":true},"constructor":{"prototype":{"status":1}},"version":1,"ok":true,"status":{"__proto__":[]}}',
  'escape sequences in every field': JSON.stringify({
    version: 1,
    ok: true,
    status: { ...status, version: spell, startedAt: spell, firewall: { ...firewall, name: spell } },
    challenge: { ...challenge, identifier: spell, visits: [{ ...visit, client: spell }] },
  }),
  'escape sequences in the names of counts': JSON.stringify({
    version: 1,
    ok: true,
    status: { ...status, counts: { [spell]: 1 } },
  }),
}

/** Such that a status is read: what it says for people is shown. */
const readable: Readonly<Record<string, object>> = {
  'escape sequences in log and reason': {
    ...status,
    firewall: { ...firewall, reason: spell },
    log: [spell, `one\n${spell}\ntwo`],
  },
  'counts of the language’s own names': {
    ...status,
    counts: { ['__proto__']: 1, constructor: 2, toString: 3 },
    limits: {},
  },
  'lines of 1 MB': { ...status, log: Array.from({ length: 5 }, () => 'x'.repeat(1_000_000)) },
}

for (const [what, line] of Object.entries(answers)) {
  t.test(`${what}: two clear lines at most, and nothing raw`, async (t) => {
    const run = await commandsAgainst(t, () => `${line}\n`)
    for (const words of commands) {
      const ended = await run(words)
      isHarmless(t, ended, words)
      if (words[0] === 'status') t.match(ended, { exitCode: 1, stdout: '' })
    }
  })
}

for (const [what, told] of Object.entries(readable)) {
  t.test(`a status with ${what} is shown, escaped and cut`, async (t) => {
    const run = await commandsAgainst(t, () => `${JSON.stringify({ version: 1, ok: true, status: told })}\n`)
    for (const words of [['status'], ['status', '--json']] as const) {
      const ended = await run(words)
      isHarmless(t, ended, words)
      t.match(ended, { exitCode: 0, stderr: '', stdout: /1\.0\.0/ })
      t.notMatch(ended.stdout, /native code/)
      if (words.length === 2) t.match(JSON.parse(ended.stdout), { running: true, pid: 1 })
    }
  })
}

t.test('an answer without end is given up', async (t) => {
  const run = await commandsAgainst(t, (_line, socket) => {
    const write = () => {
      while (socket.writable && socket.write('x'.repeat(65_536)));
    }
    socket.on('drain', write).on('error', () => undefined)
    write()
    return undefined
  })
  for (const words of commands) {
    const ended = await run(words)
    isHarmless(t, ended, words)
    t.match(ended, { exitCode: 1, stderr: /the responder answers without end\n/ })
  }
})

t.test(
  'an order for a self-check that is none is not carried out; one that is sends a request for its token and nothing else',
  async (t) => {
    const web = await listener(t)
    const good = `${'x'.repeat(22)}-self-check`
    const order = (token: string, more: object = {}) => ({
      token,
      keyAuthorization: `${token}.${'y'.repeat(43)}`,
      ports: [web.port],
      families: [4],
      ...more,
    })
    const orders = {
      'a token that ends the line': order(`${good}\r\nX-Injected: 1`),
      'a token that is another path': order(`${good}/../../admin`),
      'the token of a challenge': order(token),
      'ports that are none': order(good, { ports: [web.port, '127.0.0.1:22'] }),
      'more ports than there are challenges': order(good, { ports: Array(1_001).fill(web.port) }),
      'families that are none': order(good, { families: ['4; reboot'] }),
      'a key authorization of another token': order(good, { keyAuthorization: `other.${'y'.repeat(43)}` }),
    }
    for (const [what, check] of Object.entries(orders)) {
      const run = await commandsAgainst(t, () => `${JSON.stringify({ version: 1, ok: true, check })}\n`)
      t.same(await run(['auth']), { exitCode: 0, stdout: '', stderr: '' }, what)
    }
    t.same(await web.requests(), [], 'nobody came')
    const lines: string[] = []
    const run = await commandsAgainst(t, (line) => {
      lines.push(line)
      return `${JSON.stringify({ version: 1, ok: true, check: order(good, { ports: Array(500).fill(web.port) }) })}\n`
    })
    t.match(await run(['auth']), { exitCode: 0, stdout: '' })
    t.same(
      [...new Set(await web.requests())],
      [
        `GET /.well-known/acme-challenge/${good} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: certbot-nfq self-check\r\nConnection: close\r\n\r\n`,
      ],
    )
    t.match(
      lines.map((line) => JSON.parse(line) as unknown),
      [{ op: 'arm' }, { op: 'disarm', token: good }],
    )
  },
)

/** Runs commands, as the user who runs the tests, on a run directory where `answer` speaks for the responder. */
async function commandsAgainst(t: Test, answer: (line: string, socket: Socket) => string | undefined) {
  const directory = temporaryDirectory(t)
  await scriptedResponder(t, join(directory, 'control'), answer)
  return ([name, ...words]: readonly string[]): Promise<Ended> => {
    const isHook = name === 'auth' || name === 'cleanup'
    return runHook(
      isHook ? name : 'certbot-nfq',
      [...(isHook ? [] : [name ?? '']), '--run-dir', directory, ...words],
      isHook ? environment : {},
    )
  }
}

/** What reaches the terminal is short, printable, and no stack trace. */
function isHarmless(t: Test, { stdout, stderr }: Ended, words: readonly string[]): void {
  const name = words.join(' ')
  t.notMatch(stdout + stderr, /[^\n\P{C}]|[\u2028\u2029]/u, `${name}: printable`)
  t.notMatch(stderr, /^\s+at /m, `${name}: no stack trace`)
  t.ok(stderr.split('\n').length <= 2, `${name}: two lines at most, of ${stderr}`)
  t.ok(stdout.length + stderr.length < 20_000, `${name}: ${stdout.length + stderr.length} characters`)
}

/**
 * A listener on loopback, and what was sent to it until now: a connection of our own, made last, comes after all
 * others.
 */
async function listener(t: Test) {
  const received: string[] = []
  const server = createServer((socket) => {
    let text = ''
    socket.setEncoding('latin1').on('error', () => undefined)
    socket.on('data', (piece: string) => {
      text += piece
      if (text.includes('\r\n\r\n')) received.push(text)
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const requests = async (): Promise<string[]> => {
    const last = 'LAST\r\n\r\n'
    await say(port, last)
    return received.splice(0).filter((text) => text !== last)
  }
  return { port, requests }
}

/** Says this, and waits until the other end has closed. */
function say(port: number, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    createConnection(port, '127.0.0.1')
      .on('error', reject)
      .on('close', () => resolve())
      .resume()
      .write(text)
  })
}
