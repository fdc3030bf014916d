/** certbot's own lock on its configuration. Only its holder may change renewal files (certbot/_internal/lock.py). */
import { join } from 'node:path'
import { Failure } from '../../failure.js'
import { takeLock } from '../../kernel/lock.js'
import { lockHolders } from '../../kernel/lock-holder.js'

/**
 * Runs the task while no certbot runs and none can start its work.
 * @throws Failure `certbot-running` when one runs, `native-module`; Error of the system; what the task throws
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
