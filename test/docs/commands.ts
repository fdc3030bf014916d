/** Finds the commands of a page, which are in its ```sh blocks. */

export interface DocumentedCommand {
  /** `README.md`, `docs/x.md`. */
  readonly page: string
  /** Of its first line, from 1. */
  readonly line: number
  /** As it stands there, continued lines joined. */
  readonly text: string
}

/** Every command of a page, in its order. Blank lines and comments are none. */
export function commandsOf(page: string, markdown: string): DocumentedCommand[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap((block) => {
    const first = markdown.slice(0, block.index).split('\n').length + 1
    const lines = (block[1] ?? '').split('\n')
    const commands: DocumentedCommand[] = []
    for (let at = 0; at < lines.length; at++) {
      const start = at
      let text = lines[at] ?? ''
      while (text.endsWith('\\') && at + 1 < lines.length) text = `${text.slice(0, -1).trimEnd()} ${(lines[++at] ?? '').trim()}`
      if (text.trim() !== '' && !text.startsWith('#')) commands.push({ page, line: first + start, text: text.trim() })
    }
    return commands
  })
}

/** Lines outside of ```sh blocks that look like commands to copy, and so would be run by no test. */
export function strayCommands(markdown: string): string[] {
  const rest = markdown.replace(/^```sh\n.*?^```$/gms, '')
  const blocks = [...rest.matchAll(/^```(?!sh$)\w*\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.split('\n'))
  const indented = rest.split('\n').filter((line) => line.startsWith('    ')).map((line) => line.slice(4))
  // The second line of an error may begin with a program's name.
  return [...blocks, ...indented].filter((line) => !/#[a-z-]+\]$/.test(line) && /^(\$ |# (?=certbot|npm|hooks)|(sudo |[A-Z_]+=\S+ )*(npm|npx|certbot|certbot-nfq|apt|apt-get|systemctl|journalctl|git) [a-z-]+( |$)|(\S*\/)?hooks\/(auth|cleanup|certbot-nfq)( |$))/.test(line))
}
