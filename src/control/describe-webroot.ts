/** A watched webroot in words. Pure. */
import type { WebrootStatus } from './webroot-status.js'

const OBSTACLES: Readonly<Record<string, string>> = {
  missing: 'does not exist yet',
  link: 'is a symbolic link, which is not followed',
  kind: 'is not a directory',
  denied: 'cannot be opened',
}

const REFUSALS: Readonly<Record<string, string>> = {
  name: 'whose name is not a token',
  link: 'that is a symbolic link',
  kind: 'that is not an ordinary file',
  size: 'that is too long',
  content: 'whose content is not its key authorization',
  denied: 'that cannot be opened',
  stale: 'that stayed longer than the time to live',
  count: 'beyond the number that is armed at a time',
}

/** Returns text such as `1 file armed; not armed: 2 whose name is not a token`. Unknown reasons stand as they are. */
export function describeWebroot({ obstacle, isWatched, isCut, armed, refused }: WebrootStatus): string {
  const counts = Object.entries(refused).map(([reason, count]) => `${count} ${REFUSALS[reason] ?? reason}`)
  return [
    `${armed} ${armed === 1 ? 'file' : 'files'} armed`,
    ...(obstacle ? [`${obstacle.path} ${OBSTACLES[obstacle.reason] ?? obstacle.reason}`] : []),
    ...(counts.length > 0 ? [`not armed: ${counts.join(', ')}`] : []),
    ...(isWatched ? [] : ['without events of the kernel, so looked at once a second']),
    ...(isCut ? ['more names than are looked at'] : []),
  ].join('; ')
}
