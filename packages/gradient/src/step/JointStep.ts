/**
 * One step of training several heads jointly. Their logits add up, and there are losses of each head alone and of all
 * of them together: L_own = CE(o_m, y) and L_sum = CE(Σ o_m, y). A backward pass is linear in the gradient at the
 * logits, so both gradients of a head share their activations, and every way to balance the heads is a choice of two
 * numbers for each tensor θ of a head: G = a ∂L_sum/∂θ + b ∂L_own/∂θ.
 */
import * as Head from "./Head.ts"
import { crossEntropy } from "./Loss.ts"
import type { Step } from "../Method.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Sharpness from "./Sharpness.ts"

/** The input of a balance for a batch: for each head its softmax and the gradients of both losses, as factors. */
export interface Seen<T> {
  readonly heads: Named<{
    readonly softmax: T
    readonly sum: Sharpness.Factors<T>
    /** The gradient of the head's own loss, computed on demand. */
    readonly own: () => Sharpness.Factors<T>
  }>
  /** One-hot labels, batch × classes. */
  readonly y: T
  /** The step's inputs. */
  readonly inputs: Named<T>
}

/** The weights a of the gradient of the sum's loss and b of the head's own loss (1 × 1 each); `null` for 0. */
export interface Share<T> {
  readonly sum: T
  readonly own: T | null
}

/** The tensors of a head that a balance changes; the released codes leave a model's last Linear layers alone. */
export type Tensors =
  | "all"
  /** Weights and biases of all layers but the last. */
  | "hidden"
  /** Weights of all layers but the last. */
  | "hidden weights"

/** Tests whether a head's tensor is among those, in a head of that many layers. */
export const isAmong = (tensors: Tensors, depth: number, name: string): boolean =>
  tensors === "all" || (Head.layerOf(name) < depth && (tensors === "hidden" || Head.isWeight(name)))

/** Additive noise on gradients: N(0, std(g) + floor) on each of the tensors. */
export interface Noise {
  readonly tensors: Tensors
  readonly floor: number
}

/** A rule that balances jointly trained heads. */
export interface Balance {
  readonly name: string
  /** The noise on gradients, of which std(g) is that of ∂L_sum; `null` for none. */
  readonly noise: Noise | null
  /** Each head's shares, by the name of a tensor in it. */
  readonly shares: <T>(ops: Ops<T>, seen: Seen<T>) => Named<(tensor: string) => Share<T>>
}

/** The options that select a variant of the step. */
export interface Variant {
  readonly heads: Named<Head.Head>
  readonly batch: number
  readonly optimizer: Optimizer.Optimizer["kind"]
  readonly balance: Balance
}

/** The standard deviation of a tensor's n numbers (n ≥ 2), as PyTorch's `std` has it; 0 for one number. */
const deviation = <T>(ops: Ops<T>, a: T, [rows, columns]: readonly [number, number]): T => {
  const n = rows * columns
  if (n < 2) return ops.scalar(0)
  const centred = ops.subtract(a, ops.multiply(ops.sum(a, "all"), ops.scalar(1 / n)))
  return ops.sqrt(ops.multiply(ops.sum(ops.multiply(centred, centred), "all"), ops.scalar(1 / (n - 1))))
}

/** The step's name of a tensor of a head. */
export const at = (head: string, name: string): string => `${head}/${name}`

/** The tensors of heads that get noise, by their names in the step, with their shapes. */
export const noisy = (
  heads: Named<Head.Head>,
  { tensors }: Noise
): ReadonlyArray<readonly [string, readonly [number, number]]> =>
  Object.entries(heads).flatMap(([head, spec]) =>
    Object.entries(Head.shapes(spec)).flatMap(([name, shape]) =>
      isAmong(tensors, Head.depth(spec), name) ? [[at(head, name), shape] as const] : []
    )
  )

/** A function without arguments that computes its result once, when it is first called. */
const once = <A>(make: () => A): (() => A) => {
  let made: { readonly of: A } | undefined
  return () => (made ??= { of: make() }).of
}

/**
 * The step. State: `head/W1` … and the optimizer's memory of each head, `head/velocity.W1` …. Inputs: rate and the
 * optimizer's, tables X/head (n × in) and Y (n × classes), whatever the balance reads, and with noise a table N/head/W1
 * of normal numbers for each noisy tensor (rows × in), of which the draws `noise/head/W1` choose as many rows as it has.
 * Traces: the loss of the sum.
 */
export const make = ({ heads, batch, optimizer, balance }: Variant): Step => {
  const { noise } = balance
  const loud = noise === null ? [] : noisy(heads, noise).map(([name]) => name)
  const noiseReads = Object.fromEntries(
    loud.map((name) => [`noise/${name}`, { table: `N/${name}`, index: `noise/${name}` }])
  )
  const features = Object.fromEntries(
    Object.keys(heads).map((head) => [`x/${head}`, { table: `X/${head}`, index: "rows" }])
  )
  return {
    name: `step together/${optimizer}/${balance.name}`,
    reads: { y: { table: "Y", index: "rows" }, ...features, ...noiseReads },
    run: (ops, { state, inputs, reads }) => {
      const y = get(reads, "y")
      const passes = Object.entries(heads).map(([head, spec]) => {
        const tensors = ofHead(state, head)
        const layers = Head.layers(ops, Head.depth(spec), tensors)
        return { head, spec, tensors, layers, pass: Head.forward(ops, layers, get(reads, `x/${head}`)) }
      })
      const together = crossEntropy(ops, passes.map(({ pass }) => pass.logits).reduce(ops.add), y, batch)
      const seen = Object.fromEntries(
        passes.map(({ head, layers, pass }) => {
          const { activations } = pass
          const back = (delta: typeof y) => ({ activations, deltas: Head.backward(ops, layers, pass, delta) })
          const softmax = ops.exp(ops.logSoftmax(pass.logits))
          const own = once(() => back(crossEntropy(ops, pass.logits, y, batch).delta))
          return [head, { softmax, sum: back(together.delta), own }] as const
        })
      )
      const shares = balance.shares(ops, { heads: seen, y, inputs })
      const next = passes.map(({ head, spec, tensors }) => {
        const [{ sum, own }, shareOf] = [get(seen, head), get(shares, head)]
        const balanced = (name: string): Sharpness.Factors<typeof y> => {
          const share = shareOf(name)
          const scaled = sum.deltas.map((delta) => ops.multiply(share.sum, delta))
          const { activations } = sum
          if (share.own === null) return { activations, deltas: scaled }
          const deltas = own().deltas.map((delta, i) => ops.add(scaled[i]!, ops.multiply(share.own!, delta)))
          return { activations, deltas }
        }
        const noiseOf = (name: string, { floor }: Noise): typeof y => {
          const size = deviation(ops, Sharpness.gradientOf(ops, sum, name), get(Head.shapes(spec), name))
          const raised = floor === 0 ? size : ops.add(size, ops.scalar(floor))
          return ops.multiply(raised, get(reads, `noise/${at(head, name)}`))
        }
        const gradient = (name: string, addend: typeof y): typeof y => {
          const quiet = noise === null || !isAmong(noise.tensors, Head.depth(spec), name)
          return Sharpness.gradientOf(ops, balanced(name), name, quiet ? addend : ops.add(addend, noiseOf(name, noise)))
        }
        const parameters = mapNamed(Head.shapes(spec), (_, name) => get(tensors, name))
        const updated = Optimizer.update(ops, optimizer, inputs, parameters, tensors, gradient)
        return Object.fromEntries(Object.entries(updated).map(([name, value]) => [at(head, name), value]))
      })
      return { state: Object.assign({}, ...next), trace: { loss: together.loss } }
    }
  }
}

/** The tensors of a head by their names in it. */
const ofHead = <T>(state: Named<T>, head: string): Named<T> =>
  Object.fromEntries(
    Object.entries(state).flatMap(([name, value]) =>
      name.startsWith(`${head}/`) ? [[name.slice(head.length + 1), value]] : []
    )
  )
