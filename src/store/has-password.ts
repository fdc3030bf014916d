/** Apart from address.ts, because every hook looks at this. */

/** Returns whether a URL has a password in it, whatever else it is. */
export function hasPassword(url: string): boolean {
  return /^[^@]*:\/\/[^@/]*:[^@]+@/.test(url)
}
