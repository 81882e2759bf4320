/**
 * Checks of features when an encoder is added, whatever it computes: they are numbers, differ between samples, are
 * the same twice, and are those of a sample alone, whatever lies beside it in a batch and in whichever place.
 */
import { hasEndedProcess } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import type { Check } from "./EncoderCheck.ts"
import { EncoderError } from "../EncoderError.ts"
import type * as OpenModel from "./OpenModel.ts"
import * as Recipe from "./Recipe.ts"

type Batch = { readonly [input: string]: Tensor.Tensor }

/** Inputs of two samples for a model of which only the declaration is known; sizes that it leaves free are guessed. */
const guessed = (inputs: OpenModel.OpenModel["inputs"]): Recipe.Recipes =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => {
      const sizes = [2, ...shape.map((size) => (typeof size === "number" ? size : dtype === "int64" ? 16 : 224))]
      return [name, dtype === "int64" ? { kind: "integers", shape: sizes, below: 2 } : { kind: "normal", shape: sizes }]
    })
  )

const isFixed = ({ inputs }: OpenModel.OpenModel): boolean =>
  Object.values(inputs).every(({ shape }) => shape.every((size) => typeof size === "number"))

/** The samples of a batch that lie at these places, one after another. */
const taken = (batch: Batch, places: ReadonlyArray<number>): Batch =>
  Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [name, Tensor.takeRows(tensor, places)]))

/** The two samples of a batch behind another, whose numbers are larger than theirs and shifted. */
const behindAnother = (batch: Batch): Batch => {
  const three = taken(batch, [1, 0, 1])
  for (const { dtype, shape, data } of Object.values(three)) {
    if (dtype !== "float32") continue
    const size = Tensor.sizeOf(shape.slice(1))
    for (let i = 0; i < size; i++) data[i] = 3 * Number(data[i]) + 1
  }
  return three
}

/**
 * The largest distance of a sample's features from those that it has in another batch, relative to the largest. The networks
 * of the catalogue give the same bits; kernels that sum in another order for other sizes of batches move features by some
 * 1e-6, and in half precision by up to 1e-3. Statistics of a batch with a loud sample in it move them by 1e-2 and more.
 */
const TOLERANCE = 1e-3

/** The largest difference of two rows, relative to the largest feature. */
const deviation = (a: Float32Array, b: Float32Array): number => {
  let [difference, scale] = [0, 0]
  for (const [i, x] of a.entries()) {
    difference = Math.max(difference, Math.abs(x - b[i]!))
    scale = Math.max(scale, Math.abs(x))
  }
  return difference === 0 ? 0 : difference / scale
}

/** Holds the features of an open model to what any features are; without a `sample`, free sizes are guessed. */
export const make = Effect.fn("FeatureCheck.make")(function* (
  file: string,
  model: OpenModel.OpenModel,
  sample: Recipe.Recipes | undefined
) {
  const name = "features"
  const { width } = model
  const fail = (problem: string) => new EncoderError({ path: file, problem })
  const batch = Recipe.inputs("features", sample ?? guessed(model.inputs))

  /** The features of a batch, a row a sample. */
  const rowsOf = Effect.fnUntraced(function* (batch: Batch) {
    const count = Object.values(batch)[0]?.shape[0] ?? 0
    const { shape, data } = yield* Effect.mapError(model.encode(batch), (error) =>
      fail(`of a batch of ${count}, ${error.problem}`)
    )
    if (shape.join() !== `${count},${width}`)
      return yield* fail(`of ${count} samples it gives [${shape.join(", ")}], not [${count}, ${width}]`)
    if (!data.every(Number.isFinite)) return yield* fail("its features are not finite: the weights are damaged")
    return Array.from({ length: count }, (_, i) => data.slice(i * width, (i + 1) * width))
  })

  const attempt = yield* Effect.result(model.encode(batch))
  if (attempt._tag === "Failure") {
    if (sample !== undefined || isFixed(model) || hasEndedProcess(attempt.failure)) return yield* attempt.failure
    const takesOne = (yield* Effect.result(model.encode(taken(batch, [0]))))._tag === "Success"
    if (takesOne) return yield* fail(`it takes one sample, but no batch of two: ${attempt.failure.problem}`)
    const told = `it does not take inputs of sizes that were guessed: ${attempt.failure.problem}`
    return { name, passed: false, told } satisfies Check
  }
  const [first, second] = yield* rowsOf(batch)
  if (deviation(first!, second!) === 0) return yield* fail("its features are the same for different samples")
  const again = attempt.success.data
  if (![...first!, ...second!].every((x, i) => x === again[i])) {
    return yield* fail("its features differ from one run to the next: export it in evaluation mode (model.eval())")
  }
  const [alone] = yield* rowsOf(taken(batch, [0]))
  const [, third, fourth] = yield* rowsOf(behindAnother(batch))
  const far = Math.max(deviation(first!, alone!), deviation(first!, third!), deviation(second!, fourth!))
  if (far > TOLERANCE) {
    const found = `${far.toExponential(1)} of the largest, and ${TOLERANCE.toExponential(0)} is allowed`
    return yield* fail(
      "a sample's features depend on what else is in its batch: alone, or at another place among others, they deviate by " +
        `${found}; export it in evaluation mode (model.eval()), and with no quantisation that is scaled by the batch`
    )
  }
  const told = "finite, different for two samples, the same bits twice, and the same alone and among others"
  return { name, passed: true, told } satisfies Check
})
