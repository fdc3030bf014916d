/** Colours for people: only on a terminal that shows them, and not when NO_COLOR is set (no-color.org). */

/** The colours and weights that output uses. */
export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Returns a text in a colour, or unchanged. */
export type Paint = (colour: Colour, text: string) => string

/** Select Graphic Rendition (ECMA-48, 8.3.117): on, off. */
const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
}

/** Returns whether a stream shows colours. An empty NO_COLOR counts as not set. */
export function showsColour(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
}

/** Returns the paint for a stream. */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): Paint {
  if (!showsColour(stream, environment)) return (_colour, text) => text
  return (colour, text) => `\u001b[${CODES[colour][0]}m${text}\u001b[${CODES[colour][1]}m`
}
