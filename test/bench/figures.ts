/** Medians and ratios of repeated measurements, and how they are written. */

/** The middle one, or the mean of the middle two; NaN of nothing. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value that `share` (0 to 1) of all values are not above, interpolated; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)] ?? NaN
  return below + ((sorted[Math.ceil(at)] ?? NaN) - below) * (at % 1)
}

/**
 * A measured quantity and what it is compared to: `values[n]` and `baselines[n]` were measured one right after the
 * other.
 */
export interface Comparison {
  readonly values: readonly number[]
  readonly baselines: readonly number[]
}

/** Returns a comparison that nothing has been measured for yet. */
export function emptyComparison(): { values: number[]; baselines: number[] } {
  return { values: [], baselines: [] }
}

/** The ratio of each pair. */
export function ratiosOf({ values, baselines }: Comparison): number[] {
  return values.map((value, at) => value / (baselines[at] ?? NaN))
}

/** The median of the ratios. */
export function medianRatio(comparison: Comparison): number {
  return median(ratiosOf(comparison))
}

/** `0.98 (0.95–1.01)`: median and range of the ratios. */
export function formatRatios(comparison: Comparison): string {
  const ratios = ratiosOf(comparison)
  if (ratios.length === 0) return '–'
  return `${formatRatio(median(ratios))} (${formatRatio(Math.min(...ratios))}–${formatRatio(Math.max(...ratios))})`
}

/** Two digits after the point, three below 0.1, one from 10 on. */
export function formatRatio(ratio: number): string {
  return ratio.toFixed(ratio < 0.0995 ? 3 : ratio < 9.995 ? 2 : 1)
}

/** Three significant digits at least, thousands by commas. */
export function formatQuantity(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)))
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
