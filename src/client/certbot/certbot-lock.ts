/**
 * certbot's own lock on its configuration: whoever holds it is the only one to change renewal files
 * (certbot/_internal/lock.py).
 */
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import { takeLock } from '../../kernel/lock.js'
import { lockHolders } from '../../kernel/lock-holder.js'

/**
 * Runs the task while no certbot can, and none does.
 * @throws Failure `certbot-running` where one does, `native-module`; Error of the system; what the task throws
 */
export async function whileCertbotWaits<Result>(configDirectory: string, task: () => Promise<Result>): Promise<Result> {
  const path = join(configDirectory, '.certbot.lock')
  const lock = await takeLock(path, 'record')
  if (!lock) {
    const holder = lockHolders(path, 'record')[0]?.pid
    throw new Failure(
      'certbot-running',
      `certbot is running${holder === undefined ? '' : ` (process ${holder})`}: it has locked ${configDirectory}, and may write the same file`,
    )
  }
  try {
    return await task()
  } finally {
    lock.release()
  }
}
