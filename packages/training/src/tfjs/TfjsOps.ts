/**
 * The eager interpreter of `Ops` on TensorFlow.js, in single precision on whatever backend is set: matrices, or stacks of
 * them (heads × rows × columns). Masks are tensors of booleans. Every operation makes a tensor of its own, which lives as
 * long as the `tidy` around it.
 */
import type { Ops } from "@igm/gradient"
import type * as core from "@tensorflow/tfjs-core"

/** The namespace of TensorFlow.js. */
export type Tf = typeof core

/** A tensor on the device. */
export type Value = core.Tensor

const isStack = ({ rank }: Value): boolean => rank === 3

const axisOf = ({ rank }: Value, along: "rows" | "columns"): number => rank - (along === "rows" ? 2 : 1)

type Product = (a: Value, b: Value, transA: boolean, transB: boolean) => Value

/** The product of matrices that are not transposed is many times as fast in WebAssembly: op(a) bᵀ = (b op(a)ᵀ)ᵀ. */
const withoutTransposes = (tf: Tf): Product => {
  const product: Product = (a, b, transA, transB) => {
    if (isStack(a) || isStack(b)) return tf.matMul(a, b, transA, transB)
    if (transB) return tf.transpose(tf.matMul(b, transA ? a : tf.transpose(a)))
    return tf.matMul(transA ? tf.transpose(a) : a, b)
  }
  return product
}

type Binary = (a: Value, b: Value) => Value

/** Plain JavaScript is many times as fast with an operand that has no leading axes of size 1 to broadcast. */
const withoutLeadingOnes =
  (tf: Tf) =>
  (op: Binary): Binary => {
    const bare = (a: Value, { size, rank }: Value): Value => {
      if (a.size >= size || a.rank > rank) return a
      const first = a.shape.findIndex((length) => length > 1)
      return first === 0 ? a : tf.reshape(a, first < 0 ? [] : a.shape.slice(first))
    }
    return (a, b) => op(bare(a, b), bare(b, a))
  }

/** `Ops` on TensorFlow.js, in the variant that is fast on the current backend. */
export const make = (tf: Tf): Ops.Ops<Value> => {
  const backend = tf.getBackend()
  const product: Product = backend === "wasm" ? withoutTransposes(tf) : tf.matMul
  const binary = backend === "cpu" ? withoutLeadingOnes(tf) : (op: Binary): Binary => op
  const add = binary(tf.add)
  /** Broadcasts matrices among stacks to the number of layers. */
  const layered = (parts: ReadonlyArray<Value>): Array<Value> => {
    if (!parts.some(isStack)) return [...parts]
    const layers = Math.max(...parts.filter(isStack).map(({ shape }) => shape[0]!))
    return parts.map((part) => tf.broadcastTo(part, [layers, part.shape.at(-2)!, part.shape.at(-1)!]))
  }
  const both = [-2, -1]
  return {
    scalar: (value) => tf.tensor2d([value], [1, 1], "float32"),
    gemm: (a, b, { transA = false, transB = false, addend } = {}) => {
      const made = product(a, b, transA, transB)
      return addend === undefined ? made : add(made, addend)
    },
    add,
    subtract: binary(tf.sub),
    multiply: binary(tf.mul),
    divide: binary(tf.div),
    sqrt: tf.sqrt,
    exp: tf.exp,
    relu: tf.relu,
    greater: binary(tf.greater),
    equal: binary(tf.equal),
    where: tf.where,
    logSoftmax: (a) => tf.logSoftmax(a),
    sum: (a, over) => tf.sum(a, over === "all" ? both : axisOf(a, over), true),
    sumSquares: (a) => tf.sum(tf.square(a), both, true),
    concat: (parts, along) => tf.concat(layered(parts), axisOf(parts.find(isStack) ?? parts[0]!, along)),
    split: (a, widths) => tf.split(a, [...widths], axisOf(a, "columns")),
    flatten: (a) => tf.reshape(a, [-1, a.shape.at(-1)!]),
    gather: (table, indices) => {
      if (!isStack(table)) return tf.gather(table, indices)
      // WebAssembly's kernel is wrong for layers of a table each with indices of their own.
      const last = indices.shape[0]! - 1
      const of = (k: number) =>
        indices.rank === 1 ? indices : tf.squeeze(tf.slice(indices, Math.min(k, last), 1), [0])
      return tf.stack(tf.unstack(table).map((layer, k) => tf.gather(layer, of(k))))
    }
  }
}
