/**
 * The Halton sequence (Halton 1960): points of the unit cube that cover it evenly however many are taken. Coordinate i is
 * the radical inverse in the i-th prime base, shifted modulo 1 by a keyed random number (Cranley and Patterson 1976), so
 * that another key has other points that cover it as well.
 */
import { Keyed } from "@igm/tensor"

/** The radical inverse: the digits of n in a base, mirrored at the point; a number in [0, 1). */
export const radicalInverse = (n: number, base: number): number => {
  let [sum, unit] = [0, 1 / base]
  for (let rest = n; rest > 0; rest = Math.floor(rest / base)) {
    sum += (rest % base) * unit
    unit /= base
  }
  return sum
}

/** The first n prime numbers. */
const primes = (n: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let p = 2; found.length < n; p++) if (found.every((prime) => p % prime !== 0)) found.push(p)
  return found
}

/**
 * A sequence of points by their position 0, 1, …, with one coordinate in [0, 1) for each name. The shift of a coordinate
 * is the first number of the random stream of the path followed by the name.
 */
export const sequence = (path: Keyed.Path, names: ReadonlyArray<string>): ((n: number) => ReadonlyArray<number>) => {
  const bases = primes(names.length)
  const shifts = names.map((name) => Keyed.stream([...path, name]).uniform())
  return (n) => shifts.map((shift, i) => (radicalInverse(n, bases[i]!) + shift) % 1)
}
