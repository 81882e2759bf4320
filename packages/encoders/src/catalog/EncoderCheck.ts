/**
 * Trials of an encoder when it is added: that its architecture computes on this very runtime what the original
 * computes, for weights by a formula; and that its own weights give what the original gives, where that is on record.
 */
import { Digest } from "@igm/tensor"
import { Effect, Path } from "effect"
import * as Architecture from "../graphs/Architecture.ts"
import { EncoderError } from "../EncoderError.ts"
import * as Golden from "./Golden.ts"
import * as OpenModel from "./OpenModel.ts"
import * as Recipe from "./Recipe.ts"

/** A check that was made and passed, or could not be made. */
export interface Check {
  readonly name: "architecture" | "weights" | "features"
  readonly passed: boolean
  /** The finding, or why the check was not made. */
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
