/**
 * An experiment program: a typed function from arguments to an Effect that yields a report. It composes stages with Effect's
 * own combinators and asks for services by their type; the command, a test or a user's own main module hands it layers.
 *
 * ```ts
 * export default Experiment.make("norms", {
 *   args: Schema.Struct({ seed: Args.Seed.pipe(Args.defaultsTo(1)) }),
 *   run: Effect.fn(function* ({ seed }) {
 *     const data = yield* Data.open(AvDigits.make({ seed, speech: { kind: "synthetic" } }))
 *     const features = yield* Encode.splits(data, { image: DigitEncoders.image })
 *     const found = yield* norms.run({ train: features.train.ref })
 *     return Report.make("Norms of features", [Report.json("norms", found)])
 *   })
 * })
 * ```
 */
import { Name } from "@igm/tensor"
import type { Report } from "@igm/report"
import { Effect, Predicate, Schema } from "effect"
import * as Args from "./Args.ts"
import { ExperimentError } from "./ExperimentError.ts"
import * as Runner from "./run/Runner.ts"
import { RunStore } from "./run/RunStore.ts"
import * as Sources from "./run/Sources.ts"

export { type Comparison, comparison } from "./comparison/Comparison.ts"
export { ExperimentError } from "./ExperimentError.ts"

/** The definition of a program. */
export interface Parts<A extends Args.Struct, E, R> {
  /** The schema of the arguments, from which the command derives its flags. */
  readonly args: A
  /** A sentence for the help. */
  readonly description?: string
  /** The program. Errors that it throws before it returns an Effect are reported before a run begins. */
  readonly run: (args: A["Type"]) => Effect.Effect<Report.Report, E, R>
}

/** A program with the arguments `A`, errors `E` and requirements `R`. */
export interface Experiment<A extends Args.Struct, E, R> extends Parts<A, E, R> {
  readonly [TypeId]: typeof TypeId
  /** The name, which is part of the ids of its runs. */
  readonly name: string
  readonly specs: ReadonlyArray<Args.Spec>
}

const TypeId: unique symbol = Symbol.for("@igm/experiment/Experiment")

/** A program with any arguments, as imported from a module. */
export type Any<E = unknown, R = unknown> = Experiment<Args.Struct, E, R>

/** Tells if a value is a program. */
export const isExperiment = (value: unknown): value is Any =>
  typeof value === "object" && value !== null && TypeId in value

/** Checks the parts of a program that may not have been typechecked. Throws an `ExperimentError`. */
const check = (experiment: string, parts: unknown): void => {
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment, problem })
  }
  if (!Predicate.isObject(parts)) return fail("it has no parts: give { args, run }")
  const args: unknown = "args" in parts ? parts.args : undefined
  const fields = Schema.isSchema(args) && "fields" in args ? args.fields : undefined
  if (!Predicate.isObject(fields)) return fail("its args are no struct: give Schema.Struct({ … })")
  // A literal's __proto__ is no field, but what the fields inherit from.
  if (![Object.prototype, null].includes(Object.getPrototypeOf(fields) as object | null)) {
    fail("one of its args is named __proto__: give it another name")
  }
  if (!("run" in parts) || typeof parts.run !== "function") {
    fail("its run is no function: give one from the arguments to an Effect that yields a report")
  }
}

/**
 * Makes a program. Throws a `NameError` for a name that cannot name a folder, an `ExperimentError` for parts that are
 * none, and a `SettingError` for an argument that cannot be written on a command line.
 */
export const make = <Fields extends Schema.Struct.Fields, E, R>(
  name: string,
  parts: Parts<Schema.Struct<Fields>, E, R>
): Experiment<Schema.Struct<Fields>, E, R> => {
  Name.folder("the name of the experiment", name)
  check(name, parts)
  // Flags are made of any fields, whatever their types.
  const args: Schema.Top = parts.args
  return { ...parts, name, specs: Args.specs(name, args as Args.Struct), [TypeId]: TypeId }
}

/**
 * Runs a program in the folder of its runs, as the command does, and gives its report, its artifacts and the run's folder.
 * The run is named by the arguments, as JSON, and by the code of `file`, which is the process's own main module by default.
 *
 * ```ts
 * const layers = Layer.mergeAll(
 *   RunStore.layer("runs"),
 *   EncoderRuntime.layer("cpu"),
 *   HeadTrainer.layer({ engine: "onnx", device: "cpu" }),
 *   MediaDecoder.layer,
 *   Progress.layer
 * ).pipe(Layer.provideMerge(NodeServices.layer))
 *
 * Experiment.run(program, { tau: 0.4 }).pipe(Effect.provide(layers), NodeRuntime.runMain)
 * ```
 */
export const run = Effect.fn("Experiment.run")(function* <A extends Args.Struct, E, R>(
  experiment: Experiment<A, E, R>,
  args: A["Encoded"],
  options: { readonly file?: string; readonly trace?: "epoch" | "step" } = {}
) {
  const { folder: out } = yield* RunStore
  const { file = process.argv[1] ?? "", trace = "epoch" } = options
  const prepared = yield* Runner.prepare(experiment, args as Args.Given)
  return yield* Runner.run(prepared, { out, trace, sources: yield* Sources.of(file) })
})
