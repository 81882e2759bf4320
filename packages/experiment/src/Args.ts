/**
 * The arguments of an experiment program: a schema of a struct, from which flags, their help and defaults, and a JSON
 * schema are derived. Strings, integers and finite numbers, booleans, literals, folders, files and lists of them may be
 * arguments; `Schema.optionalKey` makes one optional.
 *
 * ```ts
 * const args = Schema.Struct({
 *   data: Args.Folder.pipe(Args.describe("The recordings")),
 *   tau: Args.NonNegative.pipe(Args.defaultsTo(0.4), Args.describe("The temperature of modification")),
 *   seeds: Args.Seeds.pipe(Args.defaultsTo([1, 2, 3])),
 *   limit: Schema.optionalKey(Args.Count)
 * })
 * ```
 */
import { Effect, Schema } from "effect"
import { DOMAIN, KIND } from "./arguments/Field.ts"

export type { Given, Struct } from "./arguments/Field.ts"
export { type Spec, jsonSchema, schemaOf, specs } from "./arguments/Specs.ts"
export { completed, decode, fault, mapPaths, parsed } from "./arguments/Values.ts"

/** The path of a folder: absolute in the program; relative to the run's folder in the manifest, if possible. */
export const Folder = Schema.String.check(Schema.isNonEmpty()).annotate({ [KIND]: "folder", [DOMAIN]: "a folder" })

/** The path of a file: absolute in the program; relative to the run's folder in the manifest, if possible. */
export const File = Schema.String.check(Schema.isNonEmpty()).annotate({ [KIND]: "file", [DOMAIN]: "a file" })

/** A non-negative integer. */
export const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  [DOMAIN]: "a whole number of at least 0"
})

/** A random seed: a non-negative integer. */
export const Seed = Natural.annotate({ [DOMAIN]: "a whole number of at least 0" })

/** A positive integer. */
export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
  [DOMAIN]: "a whole number of at least 1"
})

/** A finite number of at least 0. */
export const NonNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  [DOMAIN]: "a finite number of at least 0"
})

/** A finite number above 0. */
export const Positive = Schema.Finite.check(Schema.isGreaterThan(0)).annotate({
  [DOMAIN]: "a finite number above 0"
})

/** A number from 0 to 1, such as a probability or a share. */
export const Fraction = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).annotate({
  [DOMAIN]: "a number from 0 to 1"
})

/** A non-empty list of distinct values. */
export const list = <S extends Schema.Top>(values: S) =>
  Schema.NonEmptyArray(values).check(
    Schema.makeFilter((given: ReadonlyArray<unknown>) => new Set(given).size === given.length, {
      expected: "values, none of them twice"
    })
  )

/** A non-empty list of distinct seeds. */
export const Seeds = list(Seed)

/** Gives an argument a default value. */
export const defaultsTo = <S extends Schema.Top>(value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value))

/** Describes an argument in a sentence for the help. */
export const describe =
  (description: string) =>
  <S extends Schema.Top>(schema: S): S["Rebuild"] =>
    schema.annotate({ description })

/** The seed of the data, 1 by default; the seeds of the trainings follow it. */
export const seed = Seed.pipe(defaultsTo(1), describe("The seed of the data; the trainings' seeds follow it"))

/** The maximal number of samples of each split, for a quick look. */
export const limit = Schema.optionalKey(Count.pipe(describe("At most so many samples of each split, for a quick look")))

/** The number of augmented views of each training sample. */
export const views = Schema.optionalKey(
  Count.pipe(describe("Take so many augmented views of each training sample in its place"))
)

/** The folder of recordings to use instead of synthetic speech. */
export const speech = Schema.optionalKey(
  Folder.pipe(describe("A folder of recordings {digit}_{speaker}_{take}.wav instead of synthetic speech"))
)
