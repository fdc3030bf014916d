/** Measures what the hooks of other clients cost: the time from the start of a process to its end. */
import { join } from 'node:path'
import type { ClientName } from '../../src/cli/client-hooks.js'
import { inRepository } from '../../src/lab/repository.js'
import { challengeFor, type Challenge } from '../scenarios/challenge.js'
import type { BenchLab } from './bench-lab.js'
import { exchange } from './client-socket.js'
import { emptyComparison, type Comparison } from './figures.js'
import { millisecondsOf } from './hooks.js'
import { port } from './web-server.js'

/** Milliseconds of each call, and of `sh -c true` and `node -e 0` one after the other, right before it. */
export interface ClientResults {
  /** Of each client: a challenge is armed while a responder runs, disarmed, and a call that is not ours. */
  readonly clients: Readonly<Record<ClientName, Readonly<Record<ClientCall, Comparison>>>>
  /** 100 names by dehydrated with HOOK_CHAIN=yes, in one process that also starts the responder. */
  readonly chain: Comparison
  /** The same names in a process each. */
  readonly single: readonly number[]
}

/** The kinds of calls, in words for a table. */
export const clientCalls = { arm: 'arms', disarm: 'disarms, not the last', other: 'is not ours' } as const

export type ClientCall = keyof typeof clientCalls

const NAMES = 100

interface Words {
  readonly words: readonly string[]
  readonly input?: string
  /** The exit status that is right. */
  readonly status?: number
}

/** What each client says. */
const calls: Readonly<Record<ClientName, (challenge: Challenge) => Readonly<Record<ClientCall, Words>>>> = {
  dehydrated: ({ token, keyAuthorization }) => ({
    arm: { words: ['deploy_challenge', 'example.com', token, keyAuthorization] },
    disarm: { words: ['clean_challenge', 'example.com', token, keyAuthorization] },
    other: { words: ['startup_hook'] },
  }),
  uacme: ({ token, keyAuthorization }) => ({
    arm: { words: ['begin', 'http-01', 'example.com', token, keyAuthorization] },
    disarm: { words: ['done', 'http-01', 'example.com', token, keyAuthorization] },
    other: { words: ['begin', 'dns-01', 'example.com', token, 'digest'], status: 1 },
  }),
  acmetool: ({ token, keyAuthorization }) => ({
    arm: { words: ['challenge-http-start', 'example.com', '', token], input: keyAuthorization },
    disarm: { words: ['challenge-http-stop', 'example.com', '', token], input: keyAuthorization },
    other: { words: ['live-updated'], status: 42 },
  }),
}

/** Measures each call `rounds` times, and the hundred names `rounds / 3` times. */
export async function measureClients(lab: BenchLab, rounds: number): Promise<ClientResults> {
  const challenge = challengeFor('another client')
  const ofCalls = () => ({ arm: emptyComparison(), disarm: emptyComparison(), other: emptyComparison() })
  const clients = { dehydrated: ofCalls(), uacme: ofCalls(), acmetool: ofCalls() }
  await lab.responder.arm(lab.challenge)
  // The first time is not counted: caches.
  for (let round = 0; round <= rounds; round++) {
    for (const client of Object.keys(calls) as ClientName[]) {
      for (const [call, words] of Object.entries(calls[client](challenge)) as [ClientCall, Words][]) {
        // As a CA does. A challenge that nobody asked for costs its cleanup a diagnosis.
        if (call === 'disarm') exchange(lab.validator, { address: lab.for.validators, port }, challenge.request)
        const baseline = baselineOf(lab)
        const value = run(lab, client, words)
        if (round === 0) continue
        clients[client][call].baselines.push(baseline)
        clients[client][call].values.push(value)
      }
    }
  }
  await lab.responder.stop()
  const many = Array.from({ length: NAMES }, (_, number) => challengeFor(`name ${number}`))
  const [chain, single] = [emptyComparison(), [] as number[]]
  for (let round = 0; round < Math.ceil(rounds / 3); round++) {
    const words = many.flatMap(({ token, keyAuthorization }) => ['example.com', token, keyAuthorization])
    chain.baselines.push(baselineOf(lab))
    chain.values.push(run(lab, 'dehydrated', { words: ['deploy_challenge', ...words] }))
    await lab.responder.stop()
    single.push(many.reduce((sum, one) => sum + run(lab, 'dehydrated', calls.dehydrated(one).arm), 0))
    await lab.responder.stop()
  }
  return { clients, chain, single }
}

function run(lab: BenchLab, client: ClientName, { words, input = '', status = 0 }: Words): number {
  const env = { CERTBOT_NFQ_RUN_DIR: join(lab.directory, 'run') }
  return millisecondsOf(lab, [inRepository(`hooks/${client}`), ...words], env, { input, status })
}

function baselineOf(lab: BenchLab): number {
  return millisecondsOf(lab, ['sh', '-c', 'true'], {}) + millisecondsOf(lab, [process.execPath, '-e', '0'], {})
}
