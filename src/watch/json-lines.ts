import type { WatchEvent } from './events.js'

/**
 * Returns an event as a line of JSON, without the line end. The request's fields are in both `request` and `answer`,
 * which `id` joins.
 */
export function formatEvent(event: WatchEvent): string {
  if (event.event === 'attempt') return line('attempt', event.attempt)
  if (event.event === 'request') return line('request', event.request)
  const { milliseconds, ...answer } = event.answer
  return line('answer', {
    ...event.request,
    ...answer,
    ...(milliseconds !== undefined && { milliseconds: rounded(milliseconds) }),
  })
}

function line(event: string, { at, ...fields }: { readonly at: number }): string {
  return JSON.stringify({ event, time: new Date(at).toISOString(), ...fields })
}

/** Rounds to microseconds, which is about the precision of the kernel's timestamps. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000
}
