/** How to talk to `nft -i`. */
import type { Dialect } from '../conversation.js'

/** Each line is a transaction. The mark is a word that nft does not know, and the error about it shows the word. */
export const nftDialect: Dialect = {
  argv: ['nft', '-i'],
  answersOn: 'stderr',
  mark: (word) => word,
  refusalIn,
}

/**
 * Returns the first error in what nft printed, without `Error: `; `undefined` when there is none.
 *
 * The error about the mark comes last. An error ends with a line that points at the word (`^^^^`). That line of the
 * error before may still come at the beginning of `heard`.
 */
function refusalIn(heard: string, word: string): string | undefined {
  const end = heard.lastIndexOf('Error:', heard.indexOf(`${word}\n`))
  const refusal = heard
    .slice(0, Math.max(end, 0))
    .replace(/^[\s^~]+/, '')
    .trim()
  return refusal === '' ? undefined : (refusal.split('\n', 1)[0] ?? '').replace(/^Error: /, '')
}
