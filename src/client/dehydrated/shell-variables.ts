/** dehydrated's configuration is a script of bash, which it reads with `.`: assignments, one a line. Pure. */

const ASSIGNMENT = /^(\s*(?:export\s+)?)([A-Za-z_]\w*)=(.*)$/

/**
 * Returns the variables that a text assigns, after `before`. Quotes are taken away, and variables put in. What is more
 * than that, such as a command, stays as it is written.
 */
export function readVariables(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const variables: Record<string, string> = { ...before }
  for (const line of text.split('\n')) {
    const [, , name, value = ''] = ASSIGNMENT.exec(line) ?? []
    if (name === undefined) continue
    const [, double, single, bare = ''] = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s#;]*))/.exec(value) ?? []
    variables[name] =
      single ??
      (double ?? bare).replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, one: string, two: string) => variables[one || two] ?? '')
  }
  return variables
}

/**
 * Returns the text with these variables set, each value a word of bash. The last assignment of each is replaced, and
 * the others are left alone, as bash takes the last. What is missing is added at the end.
 */
export function setVariables(
  text: string,
  variables: readonly (readonly [name: string, word: string, isExported?: boolean])[],
): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const [name, word, isExported = false] of variables) {
    const line = `${isExported ? 'export ' : ''}${name}=${word}`
    const at = lines.findLastIndex((one) => ASSIGNMENT.exec(one)?.[2] === name)
    if (at < 0) lines.push(line)
    else lines[at] = line
  }
  return `${lines.join('\n')}\n`
}
