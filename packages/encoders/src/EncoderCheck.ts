/**
 * What is tried of an encoder when it is added: that its architecture computes on this very runtime what the original
 * computes, for weights by a formula; that its own weights give what the original gives, where that is on record; and that
 * its features are numbers, differ between samples, and are the same twice.
 */
import { Digest } from "@igm/tensor"
import { Effect, Path } from "effect"
import * as Architecture from "./Architecture.ts"
import { EncoderError } from "./EncoderError.ts"
import * as Golden from "./Golden.ts"
import * as OpenModel from "./OpenModel.ts"
import * as Recipe from "./Recipe.ts"

/** A check that was made and passed, or could not be made. */
export interface Check {
  readonly name: "architecture" | "weights" | "features"
  readonly passed: boolean
  /** What was found, or why it was not made. */
  readonly told: string
}

/** Holds a model to a golden, and gives the deviation. */
const held = Effect.fnUntraced(function* (file: string, golden: Golden.Golden, whose: string) {
  const { encode } = yield* OpenModel.open(file)
  const features = yield* encode(Recipe.inputs(Golden.seed(golden), golden.inputs))
  const deviation = Golden.deviation(golden, features)
  if (deviation <= golden.tolerance) return deviation.toExponential(1)
  const problem =
    `${whose} does not compute what ${golden.by} does: features deviate by ${deviation.toExponential(1)} of the largest, ` +
    `and ${golden.tolerance.toExponential(0)} is allowed`
  return yield* new EncoderError({ path: golden.encoder, problem })
}, Effect.scoped)

/** Builds an architecture with weights by a formula, in a scratch folder, and holds it to the golden. */
export const architecture = Effect.fn("EncoderCheck.architecture")(function* (
  of: Architecture.Architecture,
  goldens: ReadonlyArray<Golden.Golden>,
  scratch: string
) {
  const path = yield* Path.Path
  const name = "architecture"
  for (const golden of goldens) {
    if (!("formula" in golden.weights)) continue
    const file = path.join(scratch, "formula.onnx")
    yield* Architecture.write(of, Recipe.weights(golden.weights.formula), file)
    const deviation = yield* held(file, golden, "its architecture")
    return { name, passed: true, told: `as ${golden.by} with weights by a formula, to ${deviation}` } satisfies Check
  }
  return { name, passed: false, told: "no golden output of its architecture is on record" } satisfies Check
})

/** Holds an encoder to the golden of its own weights, if there is one. */
export const weights = Effect.fn("EncoderCheck.weights")(function* (
  file: string,
  goldens: ReadonlyArray<Golden.Golden>,
  sha256: Digest.Digest
) {
  const name = "weights"
  const golden = goldens.find(({ weights }) => "sha256" in weights && weights.sha256 === sha256)
  if (golden === undefined) {
    const told = `no golden output of the original is on record for weights ${Digest.short(sha256)}`
    return { name, passed: false, told } satisfies Check
  }
  const deviation = yield* held(file, golden, "it")
  return { name, passed: true, told: `as ${golden.by} with these weights, to ${deviation}` } satisfies Check
})

/** Inputs for a model of which only the declaration is known; sizes that it leaves free are guessed. */
const guessed = (inputs: OpenModel.OpenModel["inputs"]): Recipe.Recipes =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => {
      const sizes = [2, ...shape.map((size) => (typeof size === "number" ? size : dtype === "int64" ? 16 : 224))]
      return [name, dtype === "int64" ? { kind: "integers", shape: sizes, below: 2 } : { kind: "normal", shape: sizes }]
    })
  )

/** Holds an encoder's features of two samples to what any features are: finite, of the sample, and the same twice. */
export const features = Effect.fn("EncoderCheck.features")(function* (
  file: string,
  model: OpenModel.OpenModel,
  sample: Recipe.Recipes | undefined
) {
  const name = "features"
  const batch = Recipe.inputs("features", sample ?? guessed(model.inputs))
  const fail = (problem: string) => new EncoderError({ path: file, problem })
  const attempt = yield* Effect.result(model.encode(batch))
  if (attempt._tag === "Failure") {
    if (sample !== undefined) return yield* attempt.failure
    const told = `it does not take inputs of sizes that were guessed: ${attempt.failure.problem}`
    return { name, passed: false, told } satisfies Check
  }
  const { shape, data } = attempt.success
  const { width } = model
  if (shape.join() !== `2,${width}`)
    return yield* fail(`of 2 samples it gives [${shape.join(", ")}], not [2, ${width}]`)
  if (!data.every(Number.isFinite)) return yield* fail("its features are not finite: the weights are damaged")
  const [first, second] = [data.subarray(0, width), data.subarray(width)]
  if (first.every((x, i) => x === second[i])) return yield* fail("its features are the same for different samples")
  const again = yield* model.encode(batch)
  if (!again.data.every((x, i) => x === data[i])) return yield* fail("its features differ from one run to the next")
  return { name, passed: true, told: "finite, different for two samples, the same bits twice" } satisfies Check
})
