/** Distinguishes "this kernel or program cannot do that" from every other refusal. */

/**
 * What nft, iptables and their relatives print when a match, a target, an expression or a whole subsystem is missing.
 * For what the kernel refuses, iptables-legacy-restore prints no reason.
 */
const LACKS = [
  /No such file or directory|not supported|Invalid argument|does not exist|needs to be upgraded/,
  /Couldn't load (match|target)|No chain\/target\/match|line \d+ failed$|Bad argument/m,
  /syntax error|unknown|unrecognized|unexpected|invalid (?!user)/i,
]

/** Errors that may be temporary: memory, locks, rights. They come first, because programs add guesses to them. */
const PASSES =
  /Cannot allocate memory|Memory allocation problem|temporarily unavailable|No buffer space|resource busy|Too many open files|not permitted|Permission denied|holding the xtables lock/

/** Returns whether this error message of a firewall program says that something is missing for good. */
export function isLack(complaint: string): boolean {
  return !PASSES.test(complaint) && LACKS.some((pattern) => pattern.test(complaint))
}
