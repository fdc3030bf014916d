/** JSON that another program wrote, of which nothing is believed. Pure. */

export type Json = Readonly<Record<string, unknown>>

/** The object it is, or an empty one. */
export function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

/** The list it is, or an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The string it is, or an empty one. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
