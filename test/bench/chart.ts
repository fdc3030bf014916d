/** Draws docs/benchmarks.svg: bars of the bystanders' rates in each state, with their ranges. */
import type { BystanderResults, QuantityName, StateResult } from './bystanders.js'
import { formatRatio, median, ratiosOf } from './figures.js'
import { stateNames } from './states.js'

/** Rates only, so that longer is always better. Colours that also differ to the colour-blind (Okabe and Ito). */
const bars: readonly { readonly quantity: QuantityName; readonly title: string; readonly colour: string }[] = [
  { quantity: 'keptRate', title: 'requests/s, keep-alive', colour: '#0072b2' },
  { quantity: 'freshRate', title: 'requests/s, new connections', colour: '#56b4e9' },
  { quantity: 'download', title: 'download', colour: '#009e73' },
  { quantity: 'upload', title: 'upload', colour: '#e69f00' },
  { quantity: 'fourUploads', title: '4 uploads at once', colour: '#d55e00' },
]

/** Pixels. */
const width = 880
const left = 300
const right = 60
const top = 84
const barHeight = 11
const groupGap = 14
const groupHeight = bars.length * barHeight + groupGap

/** A whole SVG document. Its text needs no font in particular. */
export function chart({ tracking, states }: BystanderResults): string {
  const largest = Math.max(
    1.1,
    ...states.flatMap(({ comparisons }) => bars.map(({ quantity }) => Math.max(...ratiosOf(comparisons[quantity])))),
  )
  const end = Math.min(1.6, Math.ceil(largest * 10) / 10)
  const x = (ratio: number) => round(left + (Math.min(ratio, end) / end) * (width - left - right))
  const bottom = top + states.length * groupHeight
  const ticks = Array.from({ length: Math.floor(end * 5) + 1 }, (_, at) => at / 5)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 34}" width="${width}" height="${bottom + 34}" font-family="sans-serif" font-size="12" fill="#222">
<title>Bystander traffic, as a ratio to the unarmed server</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="bold">Bystander traffic, as a ratio to the unarmed server</text>
<text x="16" y="45">medians, lines: range; connection tracking ${tracking}; 1 is untouched, longer is better</text>
${legend()}
${ticks.map((tick) => tickMark(x(tick), tick, bottom)).join('\n')}
${states.map((result, at) => group(result, top + at * groupHeight + groupGap / 2, x)).join('\n')}
</svg>
`
}

/** Squares and titles in a line; a letter is taken to be 7 pixels wide. */
function legend(): string {
  let x = 16
  return bars
    .map(({ title, colour }) => {
      const entry = `<rect x="${x}" y="58" width="11" height="11" fill="${colour}"/><text x="${x + 16}" y="68">${title}</text>`
      x += 40 + title.length * 7
      return entry
    })
    .join('\n')
}

function tickMark(x: number, ratio: number, bottom: number): string {
  const stroke = ratio === 1 ? 'stroke="#222" stroke-width="1.5"' : 'stroke="#ddd"'
  return `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" ${stroke}/><text x="${x}" y="${bottom + 18}" text-anchor="middle">${ratio.toFixed(1)}</text>`
}

function group({ state, comparisons }: StateResult, y: number, x: (ratio: number) => number): string {
  const [first = '', second] = wrap(stateNames[state], 44)
  const middle = y + (bars.length * barHeight) / 2
  const title =
    second === undefined
      ? `<text x="${left - 12}" y="${middle + 4}" text-anchor="end">${first}</text>`
      : `<text x="${left - 12}" y="${middle - 4}" text-anchor="end">${first}</text><text x="${left - 12}" y="${middle + 12}" text-anchor="end">${second}</text>`
  return [
    title,
    ...bars.map(({ quantity, colour }, at) => bar(ratiosOf(comparisons[quantity]), y + at * barHeight, colour, x)),
  ].join('\n')
}

function bar(ratios: readonly number[], y: number, colour: string, x: (ratio: number) => number): string {
  const [low, middle, high] = [Math.min(...ratios), median(ratios), Math.max(...ratios)]
  const line = y + barHeight / 2 - 0.5
  return (
    `<rect x="${left}" y="${y}" width="${round(x(middle) - left)}" height="${barHeight - 1}" fill="${colour}"/>` +
    `<line x1="${x(low)}" x2="${x(high)}" y1="${line}" y2="${line}" stroke="#222"/>` +
    `<text x="${round(Math.max(x(high), x(middle)) + 5)}" y="${line + 4}" font-size="10" stroke="#fff" stroke-width="3" paint-order="stroke">${formatRatio(middle)}</text>`
  )
}

function wrap(text: string, length: number): string[] {
  if (text.length <= length) return [text]
  const at = text.lastIndexOf(' ', length)
  return [text.slice(0, at), text.slice(at + 1)]
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10
}
