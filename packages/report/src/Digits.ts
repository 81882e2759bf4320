/** Writes the numbers of a table's column with equal digits, so that they can be compared at a glance. */

/** The number of significant digits of a column's largest number. */
const SIGNIFICANT = 4

/** The number of decimals that JavaScript writes; infinite for a number that it writes with an exponent. */
const decimalsOf = (x: number): number => {
  const text = String(x)
  return text.includes("e") ? Infinity : (text.split(".")[1]?.length ?? 0)
}

/**
 * A function that writes numbers of a column: with so many decimals, if `digits` says so. Otherwise whole numbers stay as
 * they are; if there are others, the largest gets four significant digits, and all as many decimals, or fewer if that is
 * exact. Numbers that would be lost, and columns of very small or large ones, are written with an exponent.
 */
export const writer = (column: ReadonlyArray<number>, digits?: number): ((x: number) => string) => {
  if (digits !== undefined) return (x) => x.toFixed(digits)
  const numbers = column.filter(Number.isFinite)
  if (numbers.every(Number.isInteger)) return String
  const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const exponential = (x: number) => (x === 0 ? "0" : x.toExponential(SIGNIFICANT - 1))
  if (largest < 1e-3 || largest >= 1e6) return (x) => (Number.isFinite(x) ? exponential(x) : String(x))
  const exact = numbers.reduce((most, x) => Math.max(most, decimalsOf(x)), 0)
  const decimals = Math.min(exact, Math.max(1, SIGNIFICANT - 1 - Math.floor(Math.log10(largest))))
  return (x) => {
    if (!Number.isFinite(x)) return String(x)
    const text = x.toFixed(decimals)
    return x !== 0 && Number(text) === 0 ? exponential(x) : text
  }
}
