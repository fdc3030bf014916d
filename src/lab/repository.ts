import { fileURLToPath } from 'node:url'

/** The file or directory at this path of the repository; the same from `src/lab` and, built, from `dist/lab`. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
