/**
 * Small random encoders for the miniatures: what a sample looks like is pooled to a coarse grid and projected at random. They
 * know nothing of any class, and keep enough of a picture, a spectrogram, a clip or words for a head to find the class in.
 */
import { Architecture, type Encoder, type Weights } from "@igm/encoders"
import { FileDigest } from "@igm/io"
import { Builder } from "@igm/onnx"
import { Keyed, Tensor } from "@igm/tensor"
import { Effect, Path } from "effect"

/** The width of their features. */
const WIDTH = 64
export type Width = typeof WIDTH

/** The finest grid that a picture or clip is pooled to, along each of its axes. */
const GRID = 16
/** A clip has three axes to pool. */
const CLIP_GRID = 8

const random = (name: string, shape: ReadonlyArray<number>, spread: number): Tensor.Tensor<"float32"> => {
  const stream = Keyed.stream(["minis", name])
  return Tensor.float32(
    shape,
    Float32Array.from({ length: Tensor.sizeOf(shape) }, () => Keyed.between(stream, -spread, spread))
  )
}

/** Of samples of a fixed shape, channels first: the means over cells of a grid, less their own mean, projected. */
const ofGrid = (name: string, shape: ReadonlyArray<number>): Architecture.Architecture => {
  const [channels, ...sizes] = shape as [number, ...ReadonlyArray<number>]
  const most = sizes.length === 3 ? CLIP_GRID : GRID
  const kernel = sizes.map((size) => Math.ceil(size / Math.min(size, most)))
  const cells = sizes.map((size, axis) => Math.floor(size / kernel[axis]!))
  const inputs = { sample: { dtype: "float32", shape } } as const
  return {
    name,
    inputs,
    width: WIDTH,
    graph: () =>
      Effect.sync(() => {
        const builder = Builder.make<Architecture.Initializer>(name)
        const { sample } = Architecture.declare(builder, inputs)
        const pooled = builder.node("AveragePool", [sample], { kernel_shape: kernel, strides: kernel })
        const flat = builder.node("Flatten", [pooled], { axis: 1 })
        const size = channels * Tensor.sizeOf(cells)
        const mean = builder.node("ReduceMean", [flat], { axes: [1], keepdims: 1 })
        const projection = builder.constant(random(name, [size, WIDTH], Math.sqrt(3 / size)))
        const features = builder.node("Relu", [builder.node("MatMul", [builder.node("Sub", [flat, mean]), projection])])
        builder.output(Architecture.OUTPUT, features, "float32", ["batch", WIDTH])
        return builder.graph()
      })
  }
}

/** Of words: random vectors for word pieces below `words`, their mean under the mask. */
const ofWords = (name: string, words: number): Architecture.Architecture => {
  const tokens = { dtype: "int64", shape: ["length"] } as const
  const inputs = { ids: tokens, mask: tokens }
  return {
    name,
    inputs,
    width: WIDTH,
    graph: () =>
      Effect.sync(() => {
        const builder = Builder.make<Architecture.Initializer>(name)
        const { ids, mask } = Architecture.declare(builder, inputs)
        const table = builder.constant(random(name, [words, WIDTH], 1))
        const axis = (at: number) => builder.constant(Tensor.make("int64", [1], BigInt64Array.of(BigInt(at))))
        const weights = builder.node("Unsqueeze", [builder.node("Cast", [mask!], { to: 1 }), axis(2)])
        const sum = builder.node(
          "ReduceSum",
          [builder.node("Mul", [builder.node("Gather", [table, ids!]), weights]), axis(1)],
          { keepdims: 0 }
        )
        const count = builder.node("ReduceSum", [weights, axis(1)], { keepdims: 0 })
        builder.output(Architecture.OUTPUT, builder.node("Div", [sum, count]), "float32", ["batch", WIDTH])
        return builder.graph()
      })
  }
}

const NONE: Weights.Weights = {
  path: "no weights",
  entries: new Map(),
  read: (name) => Effect.die(new Error(`nothing reads ${name}`))
}

/** Writes an encoder into a folder and describes it. */
const written = Effect.fn("Encoders.written")(function* (folder: string, architecture: Architecture.Architecture) {
  const path = yield* Path.Path
  const file = path.join(folder, `${architecture.name}.onnx`)
  yield* Architecture.write(architecture, NONE, file)
  const { name, inputs } = architecture
  return { name, file, digest: yield* FileDigest.of(file), inputs, width: WIDTH } satisfies Encoder.Encoder<Width>
})

/** An encoder of samples of a fixed shape. */
export const ofShape = (folder: string, name: string, shape: ReadonlyArray<number>) =>
  written(folder, ofGrid(name, shape))

/** An encoder of word pieces. */
export const ofText = (folder: string, name: string, words: number) => written(folder, ofWords(name, words))
