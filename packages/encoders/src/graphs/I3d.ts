/**
 * Inception-I3D (Carreira and Zisserman 2017, "Quo vadis, action recognition?") as the PyTorch port computes it whose
 * weights are published: convolutions in space and time with TensorFlow's SAME padding, which depends on the size that
 * comes in. ONNX's SAME_UPPER is that padding. A pooling window pads with nothing where the port pads with 0, which is the
 * same here: all that is pooled has gone through a ReLU. Weights have the port's names.
 */
import { Builder } from "@igm/onnx"
import { Effect } from "effect"
import type { Adaptation } from "./Adaptation.ts"
import * as Architecture from "./Architecture.ts"
import { type Build, integers } from "./Constants.ts"
import * as Convolution from "./Convolution.ts"
import * as Parameters from "./Parameters.ts"

/** Which I3D. */
export interface Options {
  /** The channels of a clip: 3 for RGB, 2 for optical flow, 1 for depth. */
  readonly channels: number
  /**
   * The pooling of the last maps to 1024 features. "mean": means over windows of 2 × 7 × 7, and the mean of those over all
   * times and places. "first": the mean over the first window of 8 × 7 × 7 alone, and an error where there is a second one.
   */
  readonly pooling: "mean" | "first"
  /** The way in which a file's stem for three channels becomes one for `channels`. */
  readonly adapt?: Adaptation
  /** The prefix of the weights' names, with its dot. */
  readonly prefix?: string
  /** The name of the first convolution, `Conv3d_1a_7x7`. */
  readonly stem?: string
  /** The number of frames; free unless given. */
  readonly frames?: number
  /** The height and width; both are free unless given. The last maps have to be at least 7 × 7 (193 or more). */
  readonly size?: readonly [height: number, width: number]
}

const WIDTH = 1024
const EPSILON = 1e-3
const unused = /\.num_batches_tracked$|^logits\.conv3d\.(weight|bias)$/

/** Output channels of an Inception module: 1×1×1; 1×1×1 and 3×3×3; 1×1×1 and 3×3×3; and 1×1×1 after pooling. */
type Mixed = readonly [b0: number, b1a: number, b1b: number, b2a: number, b2b: number, b3b: number]

/** Modules and poolings after the first three convolutions, in order. */
const body: ReadonlyArray<{ readonly name: string; readonly mixed: Mixed } | { readonly pool: Kernel }> = [
  { name: "Mixed_3b", mixed: [64, 96, 128, 16, 32, 32] },
  { name: "Mixed_3c", mixed: [128, 128, 192, 32, 96, 64] },
  { pool: [3, 3, 3] },
  { name: "Mixed_4b", mixed: [192, 96, 208, 16, 48, 64] },
  { name: "Mixed_4c", mixed: [160, 112, 224, 24, 64, 64] },
  { name: "Mixed_4d", mixed: [128, 128, 256, 24, 64, 64] },
  { name: "Mixed_4e", mixed: [112, 144, 288, 32, 64, 64] },
  { name: "Mixed_4f", mixed: [256, 160, 320, 32, 128, 128] },
  { pool: [2, 2, 2] },
  { name: "Mixed_5b", mixed: [256, 160, 320, 32, 128, 128] },
  { name: "Mixed_5c", mixed: [384, 192, 384, 48, 128, 128] }
]

type Kernel = readonly [frames: number, height: number, width: number]

/** An I3D whose input is `clip`: channels × frames × height × width. */
export const make = (options: Options): Architecture.Architecture => {
  const { channels, pooling, prefix = "", stem = "Conv3d_1a_7x7", frames = "frames" } = options
  const [height, width] = options.size ?? ["height", "width"]
  const inputs = { clip: { dtype: "float32", shape: [channels, frames, height, width] } } as const

  const graph: Architecture.Architecture["graph"] = (weights, given = prefix) =>
    Effect.suspend(() => {
      const builder = Builder.make<Architecture.Initializer>("i3d")
      const net: Convolution.Net = { builder, parameters: Parameters.make(weights, given, unused) }
      const { clip } = Architecture.declare(builder, inputs)
      let x = unit(net, clip, stem, [64, channels, 7], { stride: 2, adapt: options.adapt })
      x = maxPool(builder, x, [1, 3, 3], [1, 2, 2])
      x = unit(net, x, "Conv3d_2b_1x1", [64, 64, 1])
      x = unit(net, x, "Conv3d_2c_3x3", [192, 64, 3])
      x = maxPool(builder, x, [1, 3, 3], [1, 2, 2])
      let from = 192
      for (const part of body) {
        if ("pool" in part) {
          x = maxPool(builder, x, part.pool, [2, 2, 2])
        } else {
          x = inception(net, x, part.name, from, part.mixed)
          from = part.mixed[0] + part.mixed[2] + part.mixed[4] + part.mixed[5]
        }
      }
      builder.output(Architecture.OUTPUT, pooled[pooling](builder, x), "float32", ["batch", WIDTH])
      return Effect.as(net.parameters.check, builder.graph())
    })
  return { name: `i3d-${channels}ch-${pooling}`, inputs, width: WIDTH, graph }
}

/** A convolution with a cubic kernel, its normalisation and ReLU. */
const unit = (
  net: Convolution.Net,
  x: Builder.Value,
  name: string,
  [out, from, kernel]: readonly [out: number, from: number, kernel: number],
  { stride = 1, adapt }: { readonly stride?: number; readonly adapt?: Adaptation | undefined } = {}
): Builder.Value => {
  const y = Convolution.normalized(net, x, {
    conv: `${name}.conv3d`,
    norm: `${name}.bn`,
    shape: [out, from, kernel, kernel, kernel],
    attributes: { strides: [stride, stride, stride], ...(kernel === 1 ? {} : { auto_pad: "SAME_UPPER" }) },
    epsilon: EPSILON,
    adapt
  })
  return net.builder.node("Relu", [y])
}

const maxPool = (builder: Build, x: Builder.Value, kernel_shape: Kernel, strides: Kernel): Builder.Value =>
  builder.node("MaxPool", [x], { kernel_shape, strides, auto_pad: "SAME_UPPER" })

/** Four branches over the same maps, their channels one after the other. */
const inception = (net: Convolution.Net, x: Builder.Value, at: string, from: number, mixed: Mixed): Builder.Value => {
  const [b0, b1a, b1b, b2a, b2b, b3b] = mixed
  const branches = [
    unit(net, x, `${at}.b0`, [b0, from, 1]),
    unit(net, unit(net, x, `${at}.b1a`, [b1a, from, 1]), `${at}.b1b`, [b1b, b1a, 3]),
    unit(net, unit(net, x, `${at}.b2a`, [b2a, from, 1]), `${at}.b2b`, [b2b, b2a, 3]),
    unit(net, maxPool(net.builder, x, [3, 3, 3], [1, 1, 1]), `${at}.b3b`, [b3b, from, 1])
  ]
  return net.builder.node("Concat", branches, { axis: 1 })
}

const pooled = {
  mean: (builder: Build, x: Builder.Value): Builder.Value => {
    const windows = builder.node("AveragePool", [x], { kernel_shape: [2, 7, 7], strides: [1, 1, 1] })
    return builder.node("ReduceMean", [windows], { axes: [2, 3, 4], keepdims: 0 })
  },
  first: (builder: Build, x: Builder.Value): Builder.Value => {
    const windows = builder.node("AveragePool", [x], { kernel_shape: [8, 7, 7], strides: [8, 7, 7] })
    return builder.node("Reshape", [windows, integers(builder, 0, WIDTH)])
  }
}
