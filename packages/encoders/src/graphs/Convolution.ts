/**
 * Convolutions of frozen networks in 2 and 3 dimensions, each with the batch normalisation that follows it.
 */
import type { Builder, Model } from "@igm/onnx"
import { type Adaptation, adapt } from "./Adaptation.ts"
import * as BatchNorm from "./BatchNorm.ts"
import type { Build } from "./Constants.ts"
import type { Parameter, Parameters } from "./Parameters.ts"

/** A graph under construction, and the weights that it is built of. */
export interface Net {
  readonly builder: Build
  readonly parameters: Parameters
}

/** A convolution without a bias, and its normalisation. */
export interface Convolution {
  /** The names of the two in the file, less `.weight`, `.running_mean` and so on. */
  readonly conv: string
  readonly norm: string
  /** Output channels, input channels, and the kernel's sizes. */
  readonly shape: readonly [out: number, channels: number, ...kernel: ReadonlyArray<number>]
  readonly attributes: { readonly [name: string]: Model.Attribute }
  readonly epsilon: number
  /** Says that the file's weights are for three channels, and how they become those for `shape`'s. */
  readonly adapt?: Adaptation | undefined
}

/** The channels of a stem before it is adapted. */
const RGB = 3

/** A convolution and its batch normalisation, as one Conv. */
export const normalized = ({ builder, parameters }: Net, x: Builder.Value, of: Convolution): Builder.Value => {
  const [out, channels, ...kernel] = of.shape
  const weight = stem(parameters, of)
  const perChannel = (name: string): Parameter => parameters.get(`${of.norm}.${name}`, [out])
  const [gamma, beta] = [perChannel("weight"), perChannel("bias")]
  const [mean, variance] = [perChannel("running_mean"), perChannel("running_var")]
  const { epsilon } = of
  const folded = parameters.derive([weight, gamma, variance], [out, channels, ...kernel], (w, g, v) =>
    BatchNorm.foldedWeight(w!, { gamma: g!.data, variance: v!.data, epsilon })
  )
  const bias = parameters.derive([gamma, beta, mean, variance], [out], (g, b, m, v) =>
    BatchNorm.foldedBias({ gamma: g!.data, beta: b!.data, mean: m!.data, variance: v!.data, epsilon })
  )
  return builder.node("Conv", [x, builder.constant(folded), builder.constant(bias)], {
    kernel_shape: kernel,
    ...of.attributes
  })
}

const stem = (parameters: Parameters, { conv, shape, adapt: how }: Convolution): Parameter => {
  const name = `${conv}.weight`
  const [out, channels, ...kernel] = shape
  if (how === undefined || channels === RGB) return parameters.get(name, shape)
  const weight = parameters.get(name, [out, RGB, ...kernel])
  return parameters.derive([weight], shape, (w) => adapt(w!, channels, how))
}
