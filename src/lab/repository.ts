import { fileURLToPath } from 'node:url'

/**
 * Returns the file or directory at this path of the repository. It is the same from `src/lab` and, built, from
 * `dist/lab`.
 */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
