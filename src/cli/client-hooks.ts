/** The table of clients with a hook. Another one is a folder in client/, a script in hooks/, and a line here. */
import { readAcmetoolCall, NOT_SUPPORTED } from '../client/acmetool/call.js'
import type { ReadCall } from '../client/call.js'
import type { ClientConfiguration } from '../client/configuration.js'
import { readDehydratedCall } from '../client/dehydrated/call.js'
import { readUacmeCall } from '../client/uacme/call.js'

/** The hook of an ACME client other than certbot. */
export interface ClientHook {
  readonly describe: string
  readonly example: string
  readonly readCall: ReadCall
  /** For install and doctor alone, so loaded on demand. */
  readonly configuration: () => Promise<ClientConfiguration>
  /** The default of --linger, for a client that passes one name after another. */
  readonly linger?: string
  /** What the hook of --then may end with, besides 0, when it leaves the challenge to ours. */
  readonly notTheirs?: number
  /** Whether the client gives up its order when a challenge cannot be disarmed, though the CA has validated it. */
  readonly isUpsetByDisarm?: true
}

/** The name of a client: of its script in hooks/, and of its command. */
export type ClientName = 'dehydrated' | 'uacme' | 'acmetool'

/** Every hook. */
export const CLIENT_HOOKS: Readonly<Record<ClientName, ClientHook>> = {
  dehydrated: {
    describe: 'hook of dehydrated: arm or disarm the challenges in its arguments',
    example: 'certbot-nfq dehydrated deploy_challenge example.com TOKEN KEYAUTH',
    readCall: readDehydratedCall,
    configuration: async () => (await import('../client/dehydrated/configuration.js')).configuration,
    isUpsetByDisarm: true,
  },
  uacme: {
    describe: 'hook of uacme: arm or disarm the challenge in its arguments',
    example: 'certbot-nfq uacme begin http-01 example.com TOKEN AUTH',
    readCall: readUacmeCall,
    configuration: async () => (await import('../client/uacme/configuration.js')).configuration,
    linger: '10',
  },
  acmetool: {
    describe: 'hook of acmetool: arm or disarm the challenge in its arguments',
    example: 'echo KEYAUTH | certbot-nfq acmetool challenge-http-start example.com TARGETFILE TOKEN',
    readCall: readAcmetoolCall,
    configuration: async () => (await import('../client/acmetool/configuration.js')).configuration,
    notTheirs: NOT_SUPPORTED,
  },
}

/** Returns whether a word names one of them. */
export function isClientName(word: string | undefined): word is ClientName {
  return word !== undefined && Object.hasOwn(CLIENT_HOOKS, word)
}
