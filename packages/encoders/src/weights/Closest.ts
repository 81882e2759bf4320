/** The name that was probably meant where another was written. */

/** The fewest letters to put in, take out or change that make `b` of `a` (Levenshtein's distance). */
const distance = (a: string, b: string): number => {
  let row = Uint32Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = new Uint32Array(b.length + 1)
    next[0] = i
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}

/** Longer names are not compared letter by letter. */
const MAX_LENGTH = 200
const MAX_NAMES = 10_000

/** The name nearest to `wanted`: one that ends with it or that it ends with, or one that differs in a third of it at most. */
export const closest = (wanted: string, names: Iterable<string>): string | undefined => {
  const all = [...names].slice(0, MAX_NAMES)
  const longer = all.find((name) => name.endsWith(`.${wanted}`) || wanted.endsWith(`.${name}`))
  if (longer !== undefined || wanted.length > MAX_LENGTH) return longer
  let best: string | undefined
  let least = Math.floor(wanted.length / 3) + 1
  for (const name of all) {
    if (Math.abs(name.length - wanted.length) >= least) continue
    const steps = distance(wanted, name)
    if (steps < least) [best, least] = [name, steps]
  }
  return best
}
