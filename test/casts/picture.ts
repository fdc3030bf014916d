/** Draws a terminal as an SVG, with no font and no other file, for light and dark pages. */
import { COLUMNS } from './record.js'
import { textOf, type ScreenLine } from './screen.js'

/** What is drawn. */
export interface Cast {
  /** What it shows, for those who do not see it. */
  readonly title: string
  /** What was typed. */
  readonly command: string
  readonly lines: readonly ScreenLine[]
}

/** Pixels: of a character in most monospaced fonts of this size, of a line, and around them. */
const size = 13
const advance = 7.85
const leading = 18
const margin = 16
/** Seconds until the last line has come, however long the run took. */
const duration = 8

/**
 * Returns the whole document. Lines appear in the order and at the pace of the run, which is fitted into some seconds.
 * A reader who wants no motion sees all at once. What is wider than the terminal is cut.
 */
export function drawCast({ title, command, lines }: Cast): string {
  const last = Math.max(1, ...lines.map(({ at }) => at))
  const rows = [{ at: 0, spans: [{ text: `$ ${command}`, style: 'bold' as const }] }, ...lines]
  const width = Math.round(COLUMNS * advance + 2 * margin)
  const height = rows.length * leading + 2 * margin
  const text = rows.flatMap(({ at, spans }, row) => {
    if (textOf({ spans }).trim() === '') return []
    const y = margin + row * leading + size
    const delay = ((at / last) * duration).toFixed(2)
    return `<text x="${margin}" y="${y}" style="animation-delay:${delay}s">${spans.map(drawSpan).join('')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" fill="#1f2328">
<title>${escapeXml(title)}</title>
<style>
svg{--back:#fff;--edge:#d0d7de;--plain:#1f2328;--red:#b3261e;--green:#116329;--yellow:#7d4e00}
@media(prefers-color-scheme:dark){svg{--back:#0d1117;--edge:#30363d;--plain:#e6edf3;--red:#ff7b72;--green:#56d364;--yellow:#e3b341}}
rect{fill:var(--back);stroke:var(--edge)}
text{font:${size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--plain);white-space:pre;animation:come .1s linear both}
.bold{font-weight:bold}.red{fill:var(--red)}.green{fill:var(--green)}.yellow{fill:var(--yellow)}
@keyframes come{from{opacity:0}}
@media(prefers-reduced-motion:reduce){text{animation:none}}
</style>
<rect fill="#fff" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${text.join('\n')}
</svg>
`
}

function drawSpan({ text, style }: { text: string; style: string }): string {
  return style === 'plain' ? escapeXml(text) : `<tspan class="${style}">${escapeXml(text)}</tspan>`
}

/** Returns the text with blanks that XML keeps, so that columns stay where they are. */
function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/ {2,}/g, (blanks) => '\u00A0'.repeat(blanks.length))
    .replace(/^ /, '\u00A0')
}

/**
 * Returns the account of the demo in few lines: its steps without blank lines between them, and of a step that is not
 * in `told` the heading only.
 */
export function excerpt(lines: readonly ScreenLine[], told: readonly RegExp[]): ScreenLine[] {
  let isTold = true
  return lines.filter((line) => {
    const text = textOf(line)
    if (text.trim() === '') return false
    if (/^\d+\. /.test(text)) isTold = told.some((step) => step.test(text))
    else if (!text.startsWith(' ')) return true
    return isTold || /^\d+\. /.test(text)
  })
}

/** Returns the line cut to the terminal's width, and at blanks into several where `isWrapped`. */
export function fitted(line: ScreenLine, isWrapped = false): ScreenLine[] {
  const text = textOf(line)
  const [span] = line.spans
  if (text.length <= COLUMNS || !span) return [line]
  const as = (text: string): ScreenLine => ({ at: line.at, spans: [{ text, style: span.style }] })
  if (!isWrapped) return [as(`${text.slice(0, COLUMNS - 1)}…`)]
  const at = text.lastIndexOf(' ', COLUMNS)
  return [as(text.slice(0, at)), ...fitted(as(`  ${text.slice(at + 1)}`), true)]
}
