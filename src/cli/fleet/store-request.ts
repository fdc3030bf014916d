/** The options for a store, read and checked. */
import { readFileSync } from 'node:fs'
import { Failure } from '../../failure.js'
import { readStoreAddress, type StoreAddress } from '../../store/address.js'
import { readPassword, readSecret } from '../../store/secret-file.js'
import type { Options } from '../options.js'

/** How to reach a store, and the secret of its fleet. */
export interface StoreRequest {
  readonly address: StoreAddress
  readonly secret: Uint8Array
  /** PEM. */
  readonly ca: string | undefined
}

/**
 * Reads what the options say of the store, and the files that they name.
 * @throws Failure `store-address`, `store-secret`, `bad-option`
 */
export function readStoreRequest(options: Options): StoreRequest {
  const { store, storeSecretFile, storePasswordFile, storeCaFile } = options
  if (store === undefined) throw new Failure('bad-option', '--store is missing')
  if (storeSecretFile === undefined)
    throw new Failure('store-secret', '--store needs --store-secret-file, so that nodes can tell whom to believe')
  const address = readStoreAddress(store)
  const password = storePasswordFile === undefined ? address.password : readPassword(storePasswordFile)
  return { address: { ...address, password }, secret: readSecret(storeSecretFile), ca: readCa(storeCaFile) }
}

function readCa(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Failure('bad-option', `--store-ca-file: ${(cause as Error).message}`, { cause })
  }
}
