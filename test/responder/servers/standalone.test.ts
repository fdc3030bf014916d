import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { openChallengeServer } from '../../../src/responder/servers/challenge-server.js'
import { openLog } from '../../../src/responder/log.js'
import { Standalone, type StandaloneOptions } from '../../../src/responder/servers/standalone.js'
import { asNobody } from '../../as-nobody.js'
import { turns } from '../fake-clock.js'
import { ask, freePort, listen } from '../loopback.js'

const token = 'token-of-16-chars'
const request = `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: a.example\r\n\r\n`
const loopback = { 4: '127.0.0.1', 6: '::1' } as const

t.test('a port that nobody listens on is served while it is wanted, and free again afterwards', async (t) => {
  const { standalone, said, events } = stand(t)
  const port = await freePort()
  t.strictSame(standalone.ports, [])
  await standalone.cover(() => [port])
  t.strictSame(standalone.ports, [port])
  t.strictSame(said, [`info nobody listens on port ${port} (IPv4, IPv6): serving it ourselves`])
  for (const address of Object.values(loopback)) t.match(await ask(address, port, request), /\r\n\r\nkey.print$/)
  t.equal(standalone.served, 2, 'an acknowledgment is none')
  t.match(said.at(1), new RegExp(`^info ${token} answered, by our own server: 127\\.0\\.0\\.1:\\d+$`))
  t.strictSame(events.filter((event) => event === `answered ${token}`).length, 2)
  await standalone.cover(() => [])
  t.strictSame(standalone.ports, [])
  t.equal(said.at(-1), `info port ${port} is free again`)
  await listen(t, port, '::')
})

t.test('of two ports the one that is not wanted any more is freed', async (t) => {
  const { standalone } = stand(t)
  const [one, two] = [await freePort(), await freePort()]
  await standalone.cover(() => [one, two])
  await standalone.cover(() => [two])
  t.strictSame(standalone.ports, [two])
  t.match(await ask('127.0.0.1', two, request), /^HTTP\/1\.1 200 /)
  await listen(t, one, '::')
})

t.test('where somebody listens by one IP version, it serves the other', async (t) => {
  const { standalone, said } = stand(t)
  const port = await freePort()
  await listen(t, port, loopback[4])
  await standalone.cover(() => [port])
  t.strictSame(said, [
    `debug not serving port ${port} by IPv4: EADDRINUSE`,
    `info nobody listens on port ${port} (IPv6): serving it ourselves`,
  ])
  t.match(await ask(loopback[6], port, request), /^HTTP\/1\.1 200 /)
})

t.test('a port that was left is looked at again only when it is new again', async (t) => {
  const { standalone, said } = stand(t, { families: () => [{ version: 4, isTracked: true }] })
  const port = await freePort()
  const other = await listen(t, port, loopback[4])
  await standalone.cover(() => [port])
  await new Promise((resolve) => other.close(resolve))
  await standalone.cover(() => [port])
  t.strictSame(standalone.ports, [])
  await standalone.cover(() => [])
  t.strictSame(said, [`debug not serving port ${port} by IPv4: EADDRINUSE`], 'nothing of it was held')
  await standalone.cover(() => [port])
  t.strictSame(standalone.ports, [port])
})

t.test('a port that rules send on is left to them', async (t) => {
  const asked: [number, number][] = []
  const { standalone, said } = stand(t, {
    isTranslated: async (version, port) => {
      asked.push([version, port])
      return version === 4
    },
  })
  const port = await freePort()
  await standalone.cover(() => [port])
  t.strictSame(asked.sort(), [
    [4, port],
    [6, port],
  ])
  t.strictSame(said, [
    `debug not serving port ${port} by IPv4: rules send it on`,
    `info nobody listens on port ${port} (IPv6): serving it ourselves`,
  ])
  await listen(t, port, '0.0.0.0')
})

t.test('what nobody can say to be translated is served, and what is not tracked is not translated', async (t) => {
  const { standalone } = stand(t, {
    families: () => [
      { version: 4, isTracked: true },
      { version: 6, isTracked: false },
    ],
    isTranslated: async (version) => {
      if (version === 4) throw new Error('no list of rules')
      return true
    },
  })
  const port = await freePort()
  await standalone.cover(() => [port])
  for (const address of Object.values(loopback)) t.match(await ask(address, port, request), /^HTTP\/1\.1 200 /)
})

t.test('one change after the other, each with what is wanted when its turn has come', async (t) => {
  let answer: (isTranslated: boolean) => void = () => undefined
  const { standalone } = stand(t, {
    families: () => [{ version: 4, isTracked: true }],
    isTranslated: () => new Promise((resolve) => (answer = resolve)),
  })
  const port = await freePort()
  const order: string[] = []
  const first = standalone.cover(() => [port]).then(() => order.push('first'))
  const second = standalone.cover(() => {
    order.push('second asks')
    return []
  })
  await turns()
  t.strictSame(order, [])
  // The server begins to listen before anybody is asked.
  while (order.length === 0) {
    answer(false)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all([first, second])
  t.strictSame(order, ['first', 'second asks'])
  t.strictSame(standalone.ports, [])
})

t.test('a port that it has no right to is said, and no failure', async (t) => {
  const firstFree = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'))
  if (firstFree < 2) return t.comment('here everybody has a right to every port')
  const { standalone, said } = stand(t, { families: () => [{ version: 4, isTracked: true }] })
  await asNobody(() => standalone.cover(() => [1]))
  t.strictSame(said, ['warning not serving port 1 by IPv4: EACCES'])
  t.strictSame(standalone.ports, [])
})

/** One for both IP versions, where nothing is translated; it is freed with the test. */
function stand(t: Test, options: Partial<StandaloneOptions> = {}) {
  const said: string[] = []
  const events: string[] = []
  const standalone = new Standalone(
    {
      open: (place) => openChallengeServer({ ...place, challenges: new Map([[token, 'key.print']]) }),
      families: () => [
        { version: 4, isTracked: true },
        { version: 6, isTracked: true },
      ],
      isTranslated: async () => false,
      onEvent: ({ kind, key }) => void events.push(`${kind} ${key}`),
      ...options,
    },
    openLog(true, [({ level, message }) => void said.push(`${level} ${message}`)]),
  )
  t.teardown(() => standalone.cover(() => []))
  return { standalone, said, events }
}
