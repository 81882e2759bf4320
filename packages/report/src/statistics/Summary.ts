/** Means and standard deviations. */

/** The mean. */
export const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0) / numbers.length

/** The mean and the standard deviation (n − 1; null for a single number). */
export const summary = (
  numbers: ReadonlyArray<number>
): { readonly mean: number; readonly deviation: number | null } => {
  const m = mean(numbers)
  if (numbers.length < 2) return { mean: m, deviation: null }
  const squares = numbers.reduce((total, x) => total + (x - m) ** 2, 0)
  return { mean: m, deviation: Math.sqrt(squares / (numbers.length - 1)) }
}

/** "0.812 ± 0.004", or "0.812" for one number. */
export const meanAndDeviation = (numbers: ReadonlyArray<number>): string => {
  const { mean, deviation } = summary(numbers)
  const text = mean.toFixed(3).replace("-", "−")
  return deviation === null ? text : `${text} ± ${deviation.toFixed(3)}`
}
