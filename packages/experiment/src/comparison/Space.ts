/**
 * Spaces of settings: the values that each setting may have, by its name. Points of a space are quasi-random, so that a
 * few of them cover it evenly; a space with no more points than are asked for is tried as a whole, as a grid is.
 *
 * ```ts
 * const space = { tau: Space.values([0, 0.1, 0.4, 1.3]), rate: Space.log(1e-3, 3e-2) }
 * type Point = Space.Point<typeof space> // { readonly tau: 0 | 0.1 | 0.4 | 1.3; readonly rate: number }
 * ```
 */
import { type Keyed, Name, Setting } from "@igm/tensor"
import { Predicate } from "effect"
import * as Dimension from "./Dimension.ts"
import * as Halton from "./Halton.ts"

/** The values of each setting. */
export type Space = { readonly [setting: string]: Dimension.Dimension }

/** A point of a space: a value for each of its settings. */
export type Point<S extends Space = Space> = { readonly [K in keyof S]: Dimension.ValueOf<S[K]> }

/** All numbers from one to another, spread evenly. Throws a `SettingError` unless `from` is below `to`. */
export const linear = (from: number, to: number): Dimension.Range => Dimension.checked({ kind: "linear", from, to })

/** All numbers from one to another, both above 0, whose logarithms are spread evenly, as for a learning rate. */
export const log = (from: number, to: number): Dimension.Range => Dimension.checked({ kind: "log", from, to })

/** The whole numbers from one to another, both of at least 0. */
export const integer = (from: number, to: number): Dimension.Range => Dimension.checked({ kind: "integer", from, to })

/** A list of values, none of them twice: numbers, words or truth values. */
export const values = <const V extends Dimension.Value>(
  values: readonly [V, ...ReadonlyArray<V>]
): Dimension.Values<V> => Dimension.checked({ kind: "values", values })

/** Checks a space that may not have been typechecked. Throws a `SettingError` or a `NameError`. */
export const check = (of: string, space: Space): void => {
  const names = Predicate.isObject(space) ? Object.keys(space) : []
  if (names.length === 0) {
    throw new Setting.SettingError({
      of,
      setting: "space",
      value: "empty",
      domain: "the values of one setting at least"
    })
  }
  for (const name of names) {
    Name.key(`the name of a setting of ${of}`, name)
    const dimension = space[name]
    if (!Dimension.isDimension(dimension)) {
      const domain = "its values, by Space.values, Space.linear, Space.log or Space.integer"
      throw new Setting.SettingError({ of, setting: `space.${name}`, value: Name.shown(String(dimension)), domain })
    }
    Dimension.checked(dimension, name)
  }
}

/** The number of points; infinite if a setting is any number of a range. */
export const size = (space: Space): number =>
  Object.values(space).reduce((product, dimension) => product * Dimension.countOf(dimension), 1)

/** The point at a share in [0, 1] of each setting's values. */
const pointAt = <S extends Space>(space: S, shares: ReadonlyArray<number>): Point<S> => {
  const dimensions = Object.entries<Dimension.Dimension>(space)
  return Object.fromEntries(
    dimensions.map(([name, dimension], i) => [name, Dimension.valueAt(dimension, shares[i]!)])
  ) as Point<S>
}

/** Two opposite corners: the first value of every setting, and the last. */
export const corners = <S extends Space>(space: S): readonly [Point<S>, Point<S>] => {
  const at = (share: number) =>
    pointAt(
      space,
      Object.keys(space).map(() => share)
    )
  return [at(0), at(1)]
}

/** The name of the first setting of a point that does not lie in the space; `undefined` if all do. */
export const outside = (space: Space, point: Point): string | undefined => {
  const names = [...new Set([...Object.keys(space), ...Object.keys(point)])]
  return names.find((name) => {
    const [dimension, value] = [space[name], point[name]]
    return dimension === undefined || value === undefined || !Dimension.has(dimension, value)
  })
}

/** All points of a finite space; the last setting varies fastest. */
const grid = (space: Space): ReadonlyArray<Point> =>
  Object.entries(space).reduce<ReadonlyArray<Point>>(
    (all, [name, dimension]) => {
      const count = Dimension.countOf(dimension)
      const values = Array.from({ length: count }, (_, i) => Dimension.valueAt(dimension, (i + 0.5) / count))
      return all.flatMap((point) => values.map((value) => ({ ...point, [name]: value })))
    },
    [{}]
  )

const isSame = (a: Point, b: Point): boolean => Object.keys(a).every((name) => a[name] === b[name])

/** The positions of the sequence that are looked at for each point, so that a space too small for its points ends. */
const PATIENCE = 1000

/**
 * Distinct points of a space in the order in which they are to be tried, `start` first; all points of a space that has no
 * more than are asked for. They are a pure function of the space and the path, whose names are those of a random stream.
 */
export const points = <S extends Space>(
  space: S,
  count: number,
  path: Keyed.Path,
  start?: Point<S>
): ReadonlyArray<Point<S>> => {
  const found: Array<Point<S>> = start === undefined ? [] : [start]
  const add = (point: Point<S>) => {
    if (!found.some((one) => isSame(one, point))) found.push(point)
  }
  if (size(space) <= count) {
    for (const point of grid(space)) add(point as Point<S>)
    return found
  }
  const sequence = Halton.sequence(path, Object.keys(space))
  for (let n = 0; found.length < count && n < PATIENCE * count; n++) add(pointAt(space, sequence(n)))
  return found
}

/** Writes a point: "tau = 0.4, rate = 0.0037". */
export const pointWords = (point: Point): string =>
  Object.entries(point)
    .map(([name, value]) => `${name} = ${Dimension.valueWords(value)}`)
    .join(", ")
