/**
 * A classification head: Linear → ReLU → Linear → … → Linear, with no activation after the second and later layers, as
 * in the IGM paper (256 and 64 hidden units there). Gradients are derived by hand in terms of each layer's input A
 * (batch × in) and the loss gradient Δ at its output (batch × out): ∇W = Δᵀ A, ∇b = the sum of Δ's rows.
 */
import { Keyed, Setting, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { type Named, type Ops, get } from "../ops/Ops.ts"

/** The widths of a head, from `In` features to `Out` classes. */
export interface Head<In extends number = number, Out extends number = number> {
  readonly widths: ReadonlyArray<number>
  readonly in: In
  readonly out: Out
}

const Widths = Schema.Array(Setting.width).check(
  Schema.isMinLength(2, { expected: "the width of the features, of hidden layers if there are any, and the classes" })
)

/** The schema of a valid head. */
export const domain = Schema.Struct({ widths: Widths, in: Setting.width, out: Setting.width })

/**
 * A head of the given widths: features, hidden units of each layer, classes. Throws a `SettingError` for a width that is
 * none.
 */
export const make = <const In extends number, const Rest extends readonly [...ReadonlyArray<number>, number]>(
  features: In,
  ...rest: Rest
): Head<In, Rest extends readonly [...infer _Hidden, infer Out extends number] ? Out : never> => ({
  widths: Setting.check("a head", Schema.Struct({ widths: Widths }), { widths: [features, ...rest] }).widths,
  in: features,
  out: rest[rest.length - 1]! as never
})

/** The number of Linear layers. */
export const depth = (head: Head): number => head.widths.length - 1

/** The numbers 1 … depth, which name the layers. */
export const layerNumbers = (head: Head): ReadonlyArray<number> => head.widths.slice(1).map((_, i) => i + 1)

/** The names of a head's parameters, `W1`, `b1`, `W2`, …, with their shapes: W is out × in, b is 1 × out. */
export const shapes = (head: Head): Named<readonly [number, number]> =>
  Object.fromEntries(
    layerNumbers(head).flatMap((l) => [
      [`W${l}`, [head.widths[l]!, head.widths[l - 1]!] as const],
      [`b${l}`, [1, head.widths[l]!] as const]
    ])
  )

/** The number of the layer that a parameter belongs to. */
export const layerOf = (name: string): number => Number(name.slice(1))

/** Tests whether a parameter is a weight matrix, not a bias. */
export const isWeight = (name: string): boolean => name.startsWith("W")

/** Fresh parameters, uniform in ±1/√in as PyTorch's Linear draws them, from one keyed stream for each tensor. */
export const init = (head: Head, key: Keyed.Path): Named<Tensor.Tensor<"float64">> => {
  const name = JSON.stringify([head.widths, key])
  const found = drawn.get(name) ?? draw(head, key)
  // The latest comes last: what a sweep of one seed asks for again and again stays.
  drawn.delete(name)
  drawn.set(name, found)
  for (const oldest of drawn.keys()) if (drawn.size > KEPT) drawn.delete(oldest)
  return found
}

const KEPT = 16

/** Recently drawn parameters: drawing is slow, and the same key always gives the same numbers. */
const drawn = new Map<string, Named<Tensor.Tensor<"float64">>>()

const draw = (head: Head, key: Keyed.Path): Named<Tensor.Tensor<"float64">> =>
  Object.fromEntries(
    Object.entries(shapes(head)).map(([name, [rows, columns]]) => {
      const bound = 1 / Math.sqrt(head.widths[layerOf(name) - 1]!)
      const stream = Keyed.stream([...key, name])
      const tensor = Tensor.zeros([rows, columns])
      for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = Keyed.between(stream, -bound, bound)
      return [name, tensor]
    })
  )

/** A linear layer as two functions: its output for an input, and the gradient at its input for one at its output. */
export interface Layer<T> {
  readonly forward: (a: T) => T
  readonly backward: (delta: T) => T
}

/** The layers with the given parameters: x Wᵀ + b, and Δ W. */
export const layers = <T>(ops: Ops<T>, depth: number, parameters: Named<T>): ReadonlyArray<Layer<T>> =>
  Array.from({ length: depth }, (_, i) => {
    const [weight, bias] = [get(parameters, `W${i + 1}`), get(parameters, `b${i + 1}`)]
    return {
      forward: (a) => ops.gemm(a, weight, { transB: true, addend: bias }),
      backward: (delta) => ops.gemm(delta, weight)
    }
  })

/** The result of a forward pass: the input of each layer, and the logits. */
export interface Pass<T> {
  readonly activations: ReadonlyArray<T>
  readonly logits: T
}

/** The forward pass of a batch x (batch × in). */
export const forward = <T>(ops: Ops<T>, layers: ReadonlyArray<Layer<T>>, x: T): Pass<T> => {
  const activations: Array<T> = []
  let at = x
  layers.forEach((layer, i) => {
    activations.push(at)
    at = layer.forward(at)
    if (i === 0 && layers.length > 1) at = ops.relu(at)
  })
  return { activations, logits: at }
}

/** The backward pass: Δ of each layer, from the loss gradient at the logits. */
export const backward = <T>(
  ops: Ops<T>,
  layers: ReadonlyArray<Layer<T>>,
  pass: Pass<T>,
  delta: T
): ReadonlyArray<T> => {
  const deltas: Array<T> = [delta]
  for (let i = layers.length - 1; i > 0; i--) {
    const back = layers[i]!.backward(deltas[0]!)
    // The input of the second layer is relu(z): its derivative is 1 where it is positive.
    const mask = () => ops.greater(pass.activations[1]!, ops.scalar(0))
    deltas.unshift(i === 1 ? ops.where(mask(), back, ops.scalar(0)) : back)
  }
  return deltas
}
