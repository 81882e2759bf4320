/**
 * Residual networks (He et al. 2016, "Deep residual learning for image recognition") as torchvision has them: the stride
 * of a bottleneck is in its 3 × 3 convolution. Weights have torchvision's names, below a prefix where there is one.
 */
import { Builder } from "@igm/onnx"
import { Effect } from "effect"
import type { Adaptation } from "./Adaptation.ts"
import * as Architecture from "./Architecture.ts"
import { type Build, integers } from "./Constants.ts"
import * as Convolution from "./Convolution.ts"
import * as Parameters from "./Parameters.ts"

/** The number of blocks in each of the four stages. */
const stages = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3] } as const

/** Which residual network. */
export interface Options {
  readonly depth: keyof typeof stages
  /** The channels of an image. */
  readonly channels: number
  /** The output: features after global average pooling (512 wide, or 2048 from depth 50 on), or the 1000 logits. */
  readonly output: "pooled" | "logits"
  /** The way in which a file's stem for three channels becomes one for `channels`. */
  readonly adapt?: Adaptation
  /** The prefix of the weights' names, as in `module.`; with its dot. */
  readonly prefix?: string
  /** The height and width of an image; free unless given. Fixed, it is faster. */
  readonly size?: readonly [height: number, width: number]
  /** A sample is channels × frames × height × width, and its feature the mean over its frames; any number of them. */
  readonly frames?: boolean
  /** The channels after the stem, 64; each stage doubles them. */
  readonly base?: number
}

const CLASSES = 1000
const EPSILON = 1e-5

/** Names that a file may hold beyond what is computed: counters, and the classifier where it is not asked for. */
const unused = { pooled: /\.num_batches_tracked$|^fc\.(weight|bias)$/, logits: /\.num_batches_tracked$/ }

/** A residual network whose input is `image`, or `clip` where it takes frames. */
export const make = (options: Options): Architecture.Architecture => {
  const { depth, channels, output, prefix = "", size = ["height", "width"], frames = false, base = 64 } = options
  const bottleneck = depth >= 50
  const pooledWidth = base * 8 * (bottleneck ? 4 : 1)
  const name = [`resnet${depth}`, ...(channels === 3 ? [] : [`${channels}ch`]), output, ...(frames ? ["frames"] : [])]
  const [input, shape] = frames ? ["clip", [channels, "frames", ...size]] : ["image", [channels, ...size]]
  const inputs = { [input]: { dtype: "float32", shape } } as const
  const width = output === "pooled" ? pooledWidth : CLASSES

  const graph: Architecture.Architecture["graph"] = (weights, given = prefix) =>
    Effect.suspend(() => {
      const builder = Builder.make<Architecture.Initializer>(`resnet${depth}`)
      const net: Convolution.Net = { builder, parameters: Parameters.make(weights, given, unused[output]) }
      const sample = Architecture.declare(builder, inputs)[input]!
      let x = stem(net, frames ? framesOf(builder, sample, channels) : sample, base, options)
      let from = base
      for (const [stage, count] of stages[depth].entries()) {
        for (let index = 0; index < count; index++) {
          const block = { at: `layer${stage + 1}.${index}`, from, planes: base * 2 ** stage, stride: 1 }
          if (stage > 0 && index === 0) block.stride = 2
          x = bottleneck ? bottleneckBlock(net, x, block) : basicBlock(net, x, block)
          from = block.planes * (bottleneck ? 4 : 1)
        }
      }
      x = builder.node("Flatten", [builder.node("GlobalAveragePool", [x])])
      if (output === "logits") x = classified(net, x, pooledWidth)
      if (frames) x = meanOfFrames(builder, x, sample, width)
      builder.output(Architecture.OUTPUT, x, "float32", ["batch", width])
      return Effect.as(net.parameters.check, builder.graph())
    })
  return { name: name.join("-"), inputs, width, graph }
}

const convolution = (
  net: Convolution.Net,
  x: Builder.Value,
  names: readonly [conv: string, norm: string],
  shape: readonly [out: number, channels: number, kernel: number],
  stride: number,
  adapt?: Adaptation
): Builder.Value => {
  const [conv, norm] = names
  const [out, channels, kernel] = shape
  const pad = (kernel - 1) / 2
  return Convolution.normalized(net, x, {
    conv,
    norm,
    shape: [out, channels, kernel, kernel],
    attributes: { strides: [stride, stride], pads: [pad, pad, pad, pad] },
    epsilon: EPSILON,
    adapt
  })
}

const stem = (net: Convolution.Net, x: Builder.Value, base: number, { channels, adapt }: Options): Builder.Value => {
  const y = convolution(net, x, ["conv1", "bn1"], [base, channels, 7], 2, adapt)
  const pooling = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
  return net.builder.node("MaxPool", [net.builder.node("Relu", [y])], pooling)
}

interface Block {
  /** The name of its place, as `layer1.0`. */
  readonly at: string
  /** The channels of its input. */
  readonly from: number
  /** The channels of its 3 × 3 convolutions. */
  readonly planes: number
  readonly stride: number
}

const basicBlock = (net: Convolution.Net, x: Builder.Value, { at, from, planes, stride }: Block): Builder.Value => {
  const relu = (value: Builder.Value) => net.builder.node("Relu", [value])
  const first = relu(convolution(net, x, [`${at}.conv1`, `${at}.bn1`], [planes, from, 3], stride))
  const second = convolution(net, first, [`${at}.conv2`, `${at}.bn2`], [planes, planes, 3], 1)
  return relu(net.builder.node("Add", [second, shortcut(net, x, { at, from, planes, stride })]))
}

const bottleneckBlock = (net: Convolution.Net, x: Builder.Value, { at, from, planes, stride }: Block) => {
  const relu = (value: Builder.Value) => net.builder.node("Relu", [value])
  const first = relu(convolution(net, x, [`${at}.conv1`, `${at}.bn1`], [planes, from, 1], 1))
  const second = relu(convolution(net, first, [`${at}.conv2`, `${at}.bn2`], [planes, planes, 3], stride))
  const third = convolution(net, second, [`${at}.conv3`, `${at}.bn3`], [4 * planes, planes, 1], 1)
  return relu(net.builder.node("Add", [third, shortcut(net, x, { at, from, planes: 4 * planes, stride })]))
}

/** A block's input, projected where its shape differs from the output's. */
const shortcut = (net: Convolution.Net, x: Builder.Value, { at, from, planes, stride }: Block): Builder.Value =>
  stride === 1 && from === planes
    ? x
    : convolution(net, x, [`${at}.downsample.0`, `${at}.downsample.1`], [planes, from, 1], stride)

const classified = ({ builder, parameters }: Convolution.Net, x: Builder.Value, width: number): Builder.Value => {
  const weight = builder.constant(parameters.get("fc.weight", [CLASSES, width]))
  return builder.node("Gemm", [x, weight, builder.constant(parameters.get("fc.bias", [CLASSES]))], { transB: 1 })
}

/** n × channels × frames × height × width as images, (n · frames) × channels × height × width. */
const framesOf = (builder: Build, clip: Builder.Value, channels: number): Builder.Value => {
  const images = builder.node("Transpose", [clip], { perm: [0, 2, 1, 3, 4] })
  const shape = builder.node(
    "Concat",
    [integers(builder, -1, channels), builder.node("Shape", [clip], { start: 3, end: 5 })],
    { axis: 0 }
  )
  return builder.node("Reshape", [images, shape])
}

/** The mean over each clip's frames, n × width, of (n · frames) × width. */
const meanOfFrames = (builder: Build, x: Builder.Value, clip: Builder.Value, width: number): Builder.Value => {
  const shape = builder.node(
    "Concat",
    [builder.node("Shape", [clip], { start: 0, end: 1 }), integers(builder, -1, width)],
    { axis: 0 }
  )
  return builder.node("ReduceMean", [builder.node("Reshape", [x, shape])], { axes: [1], keepdims: 0 })
}
