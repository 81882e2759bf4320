/**
 * The tensor algebra in which every step is written, over an opaque `T`. An interpreter gives it meaning: `Float64`
 * computes at once and exactly enough to be the oracle of the laws; `Tape` writes operations down, for the interpreters of
 * `@igm/training` to run.
 *
 * Every `T` is a matrix; a scalar is 1 × 1 and a bias 1 × n. There is no branch on a `T`, so that a step describes the
 * same computation whatever the numbers are. `T` may as well be a stack of matrices, one for each of several heads: then
 * every operation works layer by layer, and a step steps all heads at once.
 */

/** How `gemm` combines its operands. */
export interface GemmOptions<T> {
  readonly transA?: boolean
  readonly transB?: boolean
  /** Added to the product; broadcast like a bias. */
  readonly addend?: T
}

/** Tensor operations over matrices. Binary operations broadcast an axis of size 1. */
export interface Ops<T> {
  /** A 1 × 1 matrix. */
  readonly scalar: (value: number) => T
  /** op(a) · op(b) + addend, where op is the identity or the transpose. */
  readonly gemm: (a: T, b: T, options?: GemmOptions<T>) => T
  readonly add: (a: T, b: T) => T
  readonly subtract: (a: T, b: T) => T
  readonly multiply: (a: T, b: T) => T
  readonly divide: (a: T, b: T) => T
  readonly sqrt: (a: T) => T
  readonly exp: (a: T) => T
  /** max(a, 0). */
  readonly relu: (a: T) => T
  /** A mask: a > b. Masks are only used by `where`. */
  readonly greater: (a: T, b: T) => T
  /** A mask: a = b. */
  readonly equal: (a: T, b: T) => T
  /** a where the mask holds, else b. */
  readonly where: (mask: T, a: T, b: T) => T
  /** Row-wise log-softmax. */
  readonly logSoftmax: (a: T) => T
  /** Sums: `"rows"` adds the rows up (1 × n), `"columns"` the columns (m × 1), `"all"` everything (1 × 1). */
  readonly sum: (a: T, over: "rows" | "columns" | "all") => T
  /** The sum of all squares (1 × 1). */
  readonly sumSquares: (a: T) => T
  /** Matrices side by side (`"columns"`) or one below the other (`"rows"`). */
  readonly concat: (parts: ReadonlyArray<T>, along: "rows" | "columns") => T
  /** Columns of a matrix in parts of the given widths: what `concat` along columns puts together. */
  readonly split: (a: T, widths: ReadonlyArray<number>) => ReadonlyArray<T>
  /** The rows of a stack's layers, one below the other: a matrix. */
  readonly flatten: (a: T) => T
  /** Rows of a table by a vector of indices; by several vectors (heads × batch), a stack of them. */
  readonly gather: (table: T, indices: T) => T
}

/** Values by name. */
export type Named<T> = { readonly [name: string]: T }

/** Applies a function to each value. */
export const mapNamed = <A, B>(values: Named<A>, f: (value: A, name: string) => B): Named<B> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value, name)]))

/** The value of a name. Throws a `RangeError` that lists the names there are. */
export const get = <T>(values: Named<T>, name: string): T => {
  const value = values[name]
  if (value === undefined) throw new RangeError(`no value ${name} among ${Object.keys(values).join(", ")}`)
  return value
}
