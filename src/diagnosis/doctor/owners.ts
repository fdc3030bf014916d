/** Is what root runs root's alone? */
import { fail, ok, type Finding } from './finding.js'

/** `who`: the first who can change it, as in "alice can change /home/alice"; undefined when nobody but root can. */
export function judgeOwners(who: string | undefined): Finding {
  return who === undefined
    ? ok('owners', 'only root can change what root runs: the program, its Node, the hook paths')
    : fail(
        'owners',
        `${who}, and so what root runs here`,
        'give it to root alone: chown -R root: DIRECTORY; chmod -R go-w DIRECTORY',
      )
}
