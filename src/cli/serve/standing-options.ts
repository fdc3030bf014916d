/** The options of `serve` that make it answer what is not armed. */
import { parseArgs } from 'node:util'
import { isThumbprint } from '../../challenge/http-01/stateless.js'
import { Failure } from '../../failure.js'
import { readNames } from '../names.js'

/** What is to be answered without being armed, as `serve` is told it. */
export interface StandingRequest {
  readonly thumbprint: string
  readonly names: readonly string[]
  /** Whether to listen on the port while nobody else does. */
  readonly isListening: boolean
}

/**
 * Reads the flags `account`, `name` and `listen`. Returns nothing without an account.
 * @throws Failure `bad-option`
 */
export function readStanding(argv: Readonly<Record<string, unknown>>): StandingRequest | undefined {
  const account: unknown = Array.isArray(argv['account']) ? argv['account'].at(-1) : argv['account']
  const names = Array.isArray(argv['name']) ? argv['name'].map(String) : []
  const isListening = argv['listen'] === true
  if (account === undefined) {
    if (names.length > 0 || isListening) throw new Failure('bad-option', '--name and --listen need --account')
    return undefined
  }
  if (isThumbprint(account))
    return { thumbprint: account, names: readNames(names, 'name').map((name) => name.toLowerCase()), isListening }
  throw new Failure(
    'bad-option',
    `--account must be a thumbprint of 43 characters, as certbot-nfq account shows it, not ${JSON.stringify(account)}`,
  )
}

/** Returns the request as arguments, for the responder that `serve` starts. */
export function formatStanding(request: StandingRequest | undefined): string[] {
  if (!request) return []
  const { thumbprint, names, isListening } = request
  return [`--account=${thumbprint}`, ...names.map((name) => `--name=${name}`), ...(isListening ? ['--listen'] : [])]
}

/** Takes such arguments out of a responder's. Returns what they say, and the others. @throws Failure `bad-option` */
export function takeStanding(words: readonly string[]): { standing: StandingRequest | undefined; others: string[] } {
  const isOwn = (word: string) => /^--(account=|name=|listen$)/.test(word)
  const { values } = parseArgs({
    args: words.filter(isOwn),
    options: { account: { type: 'string' }, name: { type: 'string', multiple: true }, listen: { type: 'boolean' } },
  })
  return { standing: readStanding(values), others: words.filter((word) => !isOwn(word)) }
}
