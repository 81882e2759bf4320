/**
 * The tensor algebra in which every step is written, over an opaque tensor type `T`. An interpreter implements it:
 * `Float64` computes eagerly in double precision and is the reference of the laws; `Tape` records operations, which the
 * engines of `@igm/training` run.
 */

/** Options of `gemm`. */
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
  /** Splits a matrix into blocks of columns of the given widths: the inverse of `concat` along columns. */
  readonly split: (a: T, widths: ReadonlyArray<number>) => ReadonlyArray<T>
  /** Concatenates the layers of a stack, one below the other, to a matrix. */
  readonly flatten: (a: T) => T
  /** Rows of a table by a vector of indices; by several vectors (heads × batch), a stack of them. */
  readonly gather: (table: T, indices: T) => T
}

/** A record of values by name. */
export type Named<T> = { readonly [name: string]: T }

/** Applies a function to each value. */
export const mapNamed = <A, B>(values: Named<A>, f: (value: A, name: string) => B): Named<B> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value, name)]))

/** Returns the value of a name. Throws a `RangeError` that lists the known names. */
export const get = <T>(values: Named<T>, name: string): T => {
  const value = values[name]
  if (value === undefined) throw new RangeError(`no value ${name} among ${Object.keys(values).join(", ")}`)
  return value
}
