/** certbot's lineages: their renewal configurations on disk. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Failure, fileFailure } from '../../failure.js'
import { whileCertbotWaits } from './certbot-lock.js'
import { copyFile, putBack, replaceFile, type Replaced } from '../change/replace-file.js'

/** A lineage's renewal configuration. */
export interface RenewalFile {
  readonly configDirectory: string
  readonly path: string
  readonly text: string
}

/**
 * Returns the names of the lineages of a configuration directory, in order; none when there is no such directory.
 * @throws Failure `install-failed`
 */
export function listLineages(configDirectory: string): string[] {
  try {
    const names = readdirSync(join(configDirectory, 'renewal'))
    return names
      .filter((name) => name.endsWith('.conf'))
      .map((name) => name.slice(0, -'.conf'.length))
      .sort()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw fileFailure('read the lineages', cause)
  }
}

/**
 * Reads the renewal configuration of a lineage.
 * @throws Failure `lineage-missing`, with the names that exist; `renewal-malformed`, `install-failed`
 */
export function readRenewalFile(configDirectory: string, name: string): RenewalFile {
  const names = listLineages(configDirectory)
  if (!names.includes(name)) {
    const known = names.length === 0 ? 'it has none at all' : `it has ${names.join(', ')}`
    throw new Failure('lineage-missing', `${configDirectory} has no lineage ${JSON.stringify(name)}: ${known}`)
  }
  const path = pathOf(configDirectory, name)
  return { configDirectory, path, text: decode(path, readBytes(path)) }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Failure('renewal-malformed', `${path} is a link to nothing`, { cause })
    throw fileFailure(`read ${path}`, cause)
  }
}

/**
 * Decodes UTF-8 strictly, so that the text can be written again byte for byte. certbot reads nothing else either.
 * @throws Failure `renewal-malformed`
 */
export function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Failure('renewal-malformed', `${path} is not UTF-8`)
  }
}

/**
 * Replaces the text of the file while certbot is locked out.
 * @throws Failure `certbot-running`, `renewal-changed`, `disk-full`, `install-failed`; the file is unchanged then
 */
export async function replaceRenewalFile(
  { path, text: before, configDirectory }: RenewalFile,
  text: string,
): Promise<Replaced> {
  try {
    return await whileCertbotWaits(configDirectory, () => replaceFile(path, Buffer.from(before), Buffer.from(text)))
  } catch (cause) {
    throw fileFailure(`change ${basename(path)}`, cause)
  }
}

/**
 * Makes a copy of the file beside it. Returns its path.
 * @throws Failure `disk-full`, `install-failed`
 */
export async function copyRenewalFile({ path }: RenewalFile): Promise<string> {
  try {
    return await copyFile(path)
  } catch (cause) {
    throw fileFailure(`copy ${basename(path)}`, cause)
  }
}

/**
 * Undoes a replacement while certbot is locked out: the copy becomes the file again, with owner and mode.
 * @throws Failure `certbot-running`, `renewal-changed`, `install-failed`, each with the copy's path; both files stay
 * then
 */
export async function putRenewalFileBack(
  { path, configDirectory }: RenewalFile,
  replaced: Replaced,
  text: string,
): Promise<void> {
  try {
    await whileCertbotWaits(configDirectory, () => Promise.resolve(putBack(replaced, Buffer.from(text))))
  } catch (cause) {
    const { code, message } = fileFailure(`put ${basename(path)} back`, cause)
    throw new Failure(code, `${message}; as it was before: ${replaced.backup}`, { cause })
  }
}

/** Returns the path of a lineage's renewal configuration. */
export function pathOf(configDirectory: string, name: string): string {
  return join(configDirectory, 'renewal', `${name}.conf`)
}
