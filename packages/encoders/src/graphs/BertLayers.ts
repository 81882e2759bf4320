/**
 * The parts of BERT as operators, laid out as onnxruntime's optimiser knows them, so that it fuses GELU, layer normalisation
 * and the sums before them. Values are n × length × width.
 */
import type { Builder } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { type Build, integers, scalar } from "./Constants.ts"
import type { Parameter, Parameters } from "./Parameters.ts"

/** Numbers of rows and layers. */
export interface Sizes {
  readonly words: number
  readonly positions: number
  readonly types: number
  readonly layers: number
  /** The width between the two products after attention. */
  readonly inner: number
}

/** A graph under construction, the weights that it is built of, and what is the same in all layers. */
export interface Bert {
  readonly builder: Build
  readonly parameters: Parameters
  readonly width: number
  readonly heads: number
  readonly gelu: "erf" | "tanh"
  readonly epsilon: number
  readonly sizes: Sizes
}

/** The term added to the scores of padding: e to its power is 0 beside any other score. */
const NEVER = -10_000

/** The embeddings of words, positions and types, added and normalised. */
export const embedded = (bert: Bert, ids: Builder.Value, types: Builder.Value | undefined): Builder.Value => {
  const { builder, parameters, width, sizes } = bert
  const table = (name: string, rows: number) => parameters.get(`embeddings.${name}_embeddings.weight`, [rows, width])
  const words = builder.constant(table("word", sizes.words))
  const positions = builder.constant(table("position", sizes.positions))
  const kinds = builder.constant(table("token_type", sizes.types))
  // 0, 1, 2 … for each sentence; their shape is known to be that of ids, without which no normalisation is fused.
  const ones = builder.node("Add", [builder.node("Mul", [ids, integers(builder, 0)]), integers(builder, 1)])
  const places = builder.node("CumSum", [ones, integers(builder, 1)], { exclusive: 1 })
  const placed = builder.node("Gather", [positions, places])
  const typed = builder.node("Gather", [kinds, types ?? integers(builder, 0)])
  const x = builder.node("Add", [builder.node("Gather", [words, ids]), typed])
  return normalized(bert, builder.node("Add", [x, placed]), "embeddings.LayerNorm")
}

/** The term added to the scores of each token (n × 1 × 1 × length): 0, or a large negative number for padding. */
export const maskBias = ({ builder }: Bert, mask: Builder.Value): Builder.Value => {
  const wide = builder.node("Unsqueeze", [
    builder.node("Unsqueeze", [mask, integers(builder, 1)]),
    integers(builder, 2)
  ])
  const padding = builder.node("Sub", [scalar(builder, 1), builder.node("Cast", [wide], { to: 1 })])
  return builder.node("Mul", [padding, scalar(builder, NEVER)])
}

/** One layer: `queries` attend to the tokens `x`, and each goes through two products, with residuals normalised. */
export const layer = (
  bert: Bert,
  at: string,
  queries: Builder.Value,
  x: Builder.Value,
  bias: Builder.Value
): Builder.Value => {
  const { builder, width, sizes } = bert
  const context = attention(bert, `${at}.attention.self`, queries, x, bias)
  const attended = linear(bert, context, `${at}.attention.output.dense`, [width, width])
  const y = normalized(bert, builder.node("Add", [attended, queries]), `${at}.attention.output.LayerNorm`)
  const inner = activated(bert, linear(bert, y, `${at}.intermediate.dense`, [sizes.inner, width]))
  const outer = linear(bert, inner, `${at}.output.dense`, [width, sizes.inner])
  return normalized(bert, builder.node("Add", [outer, y]), `${at}.output.LayerNorm`)
}

/** softmax(q kᵀ / √d + bias) v in every head of d units; the heads side by side. */
const attention = (bert: Bert, at: string, queries: Builder.Value, x: Builder.Value, bias: Builder.Value) => {
  const { builder, width, heads } = bert
  const split = integers(builder, 0, 0, heads, width / heads)
  const part = (name: string, of: Builder.Value, perm: ReadonlyArray<number>) => {
    const projected = linear(bert, of, `${at}.${name}`, [width, width])
    return builder.node("Transpose", [builder.node("Reshape", [projected, split])], { perm })
  }
  const q = part("query", queries, [0, 2, 1, 3])
  const k = part("key", x, [0, 2, 3, 1])
  const v = part("value", x, [0, 2, 1, 3])
  const scores = builder.node("Div", [builder.node("MatMul", [q, k]), scalar(builder, Math.sqrt(width / heads))])
  const shares = builder.node("Softmax", [builder.node("Add", [scores, bias])], { axis: 3 })
  const mixed = builder.node("Transpose", [builder.node("MatMul", [shares, v])], { perm: [0, 2, 1, 3] })
  return builder.node("Reshape", [mixed, integers(builder, 0, 0, width)])
}

/** x Wᵀ + b, for the weights (out × in) of the file. */
const linear = (
  { builder, parameters }: Bert,
  x: Builder.Value,
  name: string,
  [out, from]: readonly [out: number, from: number]
): Builder.Value => {
  const weight = parameters.get(`${name}.weight`, [out, from])
  const turned = parameters.derive([weight], [from, out], (w) => transposed(w!))
  const product = builder.node("MatMul", [x, builder.constant(turned)])
  return builder.node("Add", [product, builder.constant(parameters.get(`${name}.bias`, [out]))])
}

const normalized = ({ builder, parameters, width, epsilon }: Bert, x: Builder.Value, name: string): Builder.Value => {
  const old = parameters.shapeOf(`${name}.gamma`) !== undefined
  const get = (kind: string): Parameter => parameters.get(`${name}.${kind}`, [width])
  const [scale, bias] = [builder.constant(get(old ? "gamma" : "weight")), builder.constant(get(old ? "beta" : "bias"))]
  return builder.node("LayerNormalization", [x, scale, bias], { axis: -1, epsilon: { float: epsilon } })
}

/** GELU: x Φ(x), exactly or with Φ approximated by tanh (Hendrycks and Gimpel 2016). */
const activated = ({ builder, gelu }: Bert, x: Builder.Value): Builder.Value => {
  const times = (a: Builder.Value, b: Builder.Value) => builder.node("Mul", [a, b])
  const plusOne = (a: Builder.Value) => builder.node("Add", [a, scalar(builder, 1)])
  if (gelu === "erf") {
    const scaled = builder.node("Div", [x, scalar(builder, Math.SQRT2)])
    return times(times(x, plusOne(builder.node("Erf", [scaled]))), scalar(builder, 0.5))
  }
  const cube = builder.node("Pow", [x, scalar(builder, 3)])
  const inner = builder.node("Add", [x, times(cube, scalar(builder, 0.044715))])
  const tanh = builder.node("Tanh", [times(inner, scalar(builder, Math.sqrt(2 / Math.PI)))])
  return times(times(x, scalar(builder, 0.5)), plusOne(tanh))
}

/** The transpose of a matrix, in square blocks, so that both sides stay in the processor's cache. */
const transposed = ({ shape, data }: Tensor.Tensor<"float32">): Tensor.Tensor<"float32"> => {
  const [rows, columns] = shape as readonly [number, number]
  const out = new Float32Array(data.length)
  const block = 32
  for (let top = 0; top < rows; top += block) {
    const bottom = Math.min(top + block, rows)
    for (let left = 0; left < columns; left += block) {
      const right = Math.min(left + block, columns)
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) out[column * rows + row] = data[row * columns + column]!
      }
    }
  }
  return Tensor.float32([columns, rows], out)
}
