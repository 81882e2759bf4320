/**
 * An architecture: what a network computes, before there are weights. With the weights of a file it becomes a graph, and
 * the graph a frozen ONNX file, tensor by tensor, so that the largest of them bounds the memory and not the file.
 */
import { AtomicFile } from "@igm/io"
import { type Builder, Model } from "@igm/onnx"
import type { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { EncoderError } from "../EncoderError.ts"
import type { Weights } from "../weights/Weights.ts"

/** An input, as one sample has it: there is no batch axis, and a string names a free size. */
export interface Port {
  readonly dtype: "float32" | "int64"
  readonly shape: ReadonlyArray<number | string>
}

/** The tensors stored with a graph: those at hand, and those that are read and prepared as a file is written. */
export type Initializer = Tensor.Tensor | Model.Promised<EncoderError>

/** A network that turns a batch of n samples into features (n × width), under the name `OUTPUT`. */
export interface Architecture {
  readonly name: string
  readonly inputs: { readonly [name: string]: Port }
  readonly width: number
  /**
   * The graph for the weights of a file, or what of them is missing, too much, or of another shape. A prefix stands in the
   * place of what their names begin with in the files that the architecture expects.
   */
  readonly graph: (weights: Weights, prefix?: string) => Effect.Effect<Model.Graph<Initializer>, EncoderError>
}

/** The name of the features. */
export const OUTPUT = "features"

/** The operator set of the graphs: the first with LayerNormalization. */
const OPSET = 17

/** A model file's contents. */
export const model = Effect.fn("Architecture.model")(function* (architecture: Architecture, weights: Weights) {
  const graph = yield* architecture.graph(weights)
  return { graph, opset: OPSET, metadata: { architecture: architecture.name } } satisfies Model.Model<Initializer>
})

/** Writes an architecture with its weights as an ONNX file, whole or not at all, and gives the file's SHA-256. */
export const write = Effect.fn("Architecture.write")(function* (
  architecture: Architecture,
  weights: Weights,
  path: string
) {
  const unwritable = (cause: { readonly message: string }) =>
    new EncoderError({ path, problem: `the encoder ${architecture.name} cannot be written: ${cause.message}`, cause })
  return yield* AtomicFile.stream(path, Model.parts(yield* model(architecture, weights))).pipe(
    Effect.catchTag(["IoError", "OnnxError"], (cause) => Effect.fail(unwritable(cause)))
  )
})

/** Declares the inputs of an architecture, with a free batch axis. */
export const declare = <Inputs extends Architecture["inputs"]>(
  builder: Builder.Builder<Initializer>,
  inputs: Inputs
): { readonly [Name in keyof Inputs]: Builder.Value } => {
  const entries = Object.entries<Port>(inputs)
  const values = entries.map(([name, { dtype, shape }]) => [name, builder.input(name, dtype, ["batch", ...shape])])
  return Object.fromEntries(values) as { readonly [Name in keyof Inputs]: Builder.Value }
}
