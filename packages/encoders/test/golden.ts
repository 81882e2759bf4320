/**
 * Golden outputs of the originals, and how far an architecture's graph is from them: the largest error over the largest
 * magnitude. Used by the tests (small cases) and by `npm run parity-encoders` (all of them).
 */
import { Model } from "@igm/onnx"
import { Safetensors, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Stream } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Architecture, Bert, Encoder, type EncoderError, EncoderRuntime, I3d, Released, ResNet } from "../src/index.ts"
import * as Formula from "./formula.ts"

/** What a golden file says of one of its outputs. */
export interface Case {
  readonly name: string
  /** Which architecture, with which options. */
  readonly of: string
  readonly options: object
  /** The state dictionary of the original. */
  readonly layout: string
  readonly inputs: { readonly [port: string]: Formula.Input }
  /** Every how many-th feature of a sample is kept. */
  readonly every: number
  /** Whether it is small enough for a test that runs on every change. */
  readonly quick: boolean
}

/** A golden file. */
export interface Golden {
  readonly cases: ReadonlyArray<Case>
  readonly layouts: { readonly [name: string]: ReadonlyArray<Formula.Line> }
  readonly outputs: { readonly [name: string]: Tensor.Tensor }
}

/** The families of golden files. */
export const families = ["resnet", "bert", "i3d", "released"] as const

/** Reads the committed golden file of a family. */
export const read = Effect.fnUntraced(function* (family: (typeof families)[number]) {
  const fs = yield* FileSystem.FileSystem
  const file = fileURLToPath(new URL(`golden/${family}.safetensors`, import.meta.url))
  const { tensors, metadata } = Safetensors.decode(yield* fs.readFile(file))
  return {
    cases: JSON.parse(metadata["cases"]!),
    layouts: JSON.parse(metadata["layouts"]!),
    outputs: tensors
  } as Golden
})

const released: { readonly [of: string]: Architecture.Architecture } = Object.fromEntries(
  Object.entries(Released).map(([name, architecture]) => [`Released.${name}`, architecture])
)

/** The architecture that a case is about. */
export const architecture = ({ of, options }: Pick<Case, "of" | "options">): Architecture.Architecture => {
  if (of === "ResNet") return ResNet.make(options as ResNet.Options)
  if (of === "Bert") return Bert.make(options as Bert.Options)
  if (of === "I3d") return I3d.make(options as I3d.Options)
  return released[of]!
}

/** The inputs of a case. */
export const inputs = ({ name, inputs }: Pick<Case, "name" | "inputs">) =>
  Object.fromEntries(Object.entries(inputs).map(([port, of]) => [port, Formula.input(`${name}/${port}`, of)]))

/** The bytes of an architecture's model file. */
export const bytes = (architecture: Architecture.Architecture, weights: Parameters<typeof Architecture.model>[1]) =>
  Effect.flatMap(Architecture.model(architecture, weights), (model) =>
    Effect.map(Stream.runCollect(Model.parts<EncoderError>(model)), (parts) => new Uint8Array(Buffer.concat(parts)))
  )

/** Opens the graph of a case with the original's weights. */
export const open = Effect.fnUntraced(function* (of: Case, { layouts }: Golden) {
  const runtime = yield* EncoderRuntime
  return yield* runtime.open(of.name, yield* bytes(architecture(of), Formula.weights(layouts[of.layout]!)))
})

/** The case as an encoder, its graph with the original's weights in a file of a folder. */
export const encoder = Effect.fnUntraced(function* (of: Case, { layouts }: Golden, folder: string) {
  const { inputs, width, ...rest } = architecture(of)
  const file = join(folder, `${of.name}.onnx`)
  const weights = Formula.weights(layouts[of.layout]!)
  const digest = yield* Architecture.write({ inputs, width, ...rest }, weights, file)
  return Encoder.make({ name: of.name, file, digest, inputs, output: Architecture.OUTPUT, width })
})

/** max |a − b| / max |b|; infinite where the shapes differ or a number is missing. */
export const difference = (a: Tensor.Tensor, b: Tensor.Tensor): number => {
  if (a.shape.join() !== b.shape.join()) return Infinity
  const [x, y] = [Tensor.toFloat64(a).data, Tensor.toFloat64(b).data]
  let [error, magnitude] = [0, 0]
  for (let i = 0; i < x.length; i++) {
    error = Math.max(error, Math.abs(x[i]! - y[i]!))
    magnitude = Math.max(magnitude, Math.abs(y[i]!))
  }
  return Number.isNaN(error) ? Infinity : error / magnitude
}

/** Every how many-th column of a matrix. */
export const thinned = (features: Tensor.Tensor, every: number): Tensor.Tensor => {
  const [rows, columns] = features.shape as [number, number]
  const kept = Array.from({ length: Math.ceil(columns / every) }, (_, i) => i * every)
  const { data } = Tensor.toFloat32(features)
  return Tensor.float32(
    [rows, kept.length],
    Array.from({ length: rows }, (_, row) => kept.map((column) => data[row * columns + column]!)).flat()
  )
}
