/** Takes one line, without its end. */
export type Print = (line: string) => void

/** A numbered account of what happens, for a person who watches. */
export interface Story {
  title(text: string): void
  step(text: string): void
  detail(text: string): void
  end(text: string): void
}

/**
 * Tells a story through `print`: bold steps on a terminal unless NO_COLOR is set (no-color.org), otherwise plain text.
 */
export function story(print: Print): Story {
  const { NO_COLOR: noColor = '' } = process.env
  const isColoured = process.stdout.isTTY && noColor === ''
  const paint = (code: number, text: string): string => (isColoured ? `\u001B[${code}m${text}\u001B[0m` : text)
  const bold = (text: string): string => paint(1, text)
  const green = (text: string): string => paint(32, text)
  let steps = 0
  return {
    title: (text) => print(bold(text)),
    step(text) {
      steps += 1
      print('')
      print(bold(`${steps}. ${text}`))
    },
    detail: (text) => print(`   ${text}`),
    end(text) {
      print('')
      print(green(text))
    },
  }
}
