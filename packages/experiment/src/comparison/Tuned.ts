/**
 * Tuned methods: rows of a comparison whose settings cross-validation selects from a space of their own.
 *
 * ```ts
 * Tuned.make({
 *   space: { tau: Space.values([0, 0.4, 1.3]), rate: Space.log(1e-3, 3e-2) },
 *   start: { tau: 0.4, rate: 0.01 },
 *   method: ({ tau, rate }) => Igm.paper({ ...options, tau, optimizer: { ...Igm.sgd, rate } })
 * })
 * ```
 */
import type { Features, Method } from "@igm/gradient"
import { Name, Setting } from "@igm/tensor"
import { Predicate } from "effect"
import { ExperimentError } from "../ExperimentError.ts"
import * as Dimension from "./Dimension.ts"
import * as Space from "./Space.ts"

type Dims = Features.Dims

/** A method whose settings are to be selected. */
export interface Tuned<D extends Dims> {
  /** The name of its row in tables: the method's, followed by ", tuned". */
  readonly name: string
  /** The method's own name. The row of this name, where a table has one, is its default. */
  readonly of: string
  readonly space: Space.Space
  /** The first point to try. */
  readonly start: Space.Point | undefined
  /** Makes the method at a point of the space. */
  readonly method: (point: Space.Point) => Method.Method<D>
}

/** A row of a comparison: a method as it is, or one that is tuned. */
export type Row<D extends Dims> = Method.Method<D> | Tuned<D>

/** The space of a tuned method, the method at a point of it, and the point to try first, such as the defaults. */
export interface Options<D extends Dims, S extends Space.Space> {
  readonly space: S
  readonly start?: NoInfer<Space.Point<S>>
  readonly method: (point: Space.Point<S>) => Method.Method<D>
}

const OF = "a tuned method"

/**
 * Makes a tuned method; the names and types of the space are those of the function's argument. Throws a `SettingError`,
 * `NameError` or `ExperimentError` if the space is none, if the start lies outside of it, or if the method's name
 * depends on the point.
 */
export const make = <const D extends Dims, const S extends Space.Space>({
  space,
  start,
  method
}: Options<D, S>): Tuned<D> => {
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment: OF, problem })
  }
  Space.check(OF, space)
  if (typeof method !== "function") fail("its method is none: give a function from a point of the space to a method")
  const [name, other] = Space.corners(space).map((point) =>
    Name.printed("the name of a tuned method", method(point)?.name)
  )
  if (name !== other) {
    fail(`it is called ${Name.shown(name!)} and ${Name.shown(other!)}: a method's name may not depend on what is tuned`)
  }
  const outside = start === undefined ? undefined : Space.outside(space, start)
  if (start !== undefined && outside !== undefined) {
    const value = (start as Space.Point)[outside]
    const dimension = space[outside]
    const domain = dimension === undefined ? null : Dimension.inWords(dimension)
    throw new Setting.SettingError({ of: `${name}, tuned`, setting: `start.${outside}`, value: String(value), domain })
  }
  const at = (point: Space.Point) => method(point as Space.Point<S>)
  return { name: `${name}, tuned`, of: name!, space, start: start as Space.Point | undefined, method: at }
}

/** Tests if a row is one that is tuned. */
export const isTuned = <D extends Dims>(row: Row<D>): row is Tuned<D> => Predicate.isObject(row) && "space" in row

/** The points that are tried: at most so many, and all of a smaller space. The seed and the method's name select them. */
export const points = <D extends Dims>(
  { of, space, start }: Tuned<D>,
  { trials, seed }: { readonly trials: number; readonly seed: number }
): ReadonlyArray<Space.Point> => Space.points(space, trials, [seed, "tuning", of], start)

/** The method at a point, named after both: "late fusion, tuned, at rate = 0.0037". */
export const at = <D extends Dims>({ name, method }: Tuned<D>, point: Space.Point): Method.Method<D> => ({
  ...method(point),
  name: `${name}, at ${Space.pointWords(point)}`
})

/** The method at the selected point, as a row of a table. */
export const settled = <D extends Dims>({ name, method }: Tuned<D>, point: Space.Point): Method.Method<D> => {
  const found = method(point)
  return { ...found, name, description: `${found.description}; tuned: ${Space.pointWords(point)}` }
}
