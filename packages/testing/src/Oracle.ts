/**
 * A second implementation of the step, for the laws to compare with: gradients formed tensor by tensor, perturbed
 * weights formed and kept, P multiplied onto the gradient, in plain loops over numbers. Slow, and close to the
 * equations.
 */
import { Float64, Head, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import type { Scene } from "./Cases.ts"

type Matrix = Float64.Matrix
type Named = Ops.Named<Matrix>

/** Applies a function to each pair of entries. */
export const combine = (a: Matrix, b: Matrix, f: (x: number, y: number) => number): Matrix =>
  Tensor.float64(
    a.shape,
    a.data.map((x, i) => f(x, b.data[i]!))
  )

const combineAll = (a: Named, b: Named, f: (x: number, y: number) => number): Named =>
  Ops.mapNamed(a, (tensor, name) => combine(tensor, Ops.get(b, name), f))

/** The Euclidean norm of all entries of some tensors. */
export const norm = (tensors: ReadonlyArray<Matrix>): number =>
  Math.sqrt(tensors.flatMap(({ data }) => Array.from(data)).reduce((total, x) => total + x * x, 0))

/** −(1/B) Σ y log softmax(z) of a head's logits. */
export const lossOf = (parameters: Named, x: Matrix, y: Matrix): number => crossEntropy(logitsOf(parameters, x), y)

/** −(1/B) Σ y log softmax(z). */
export const crossEntropy = (logits: Matrix, y: Matrix): number => {
  const [batch, classes] = Float64.dims(logits)
  let total = 0
  for (let i = 0; i < batch; i++) {
    const row = logits.data.subarray(i * classes, (i + 1) * classes)
    const max = Math.max(...row)
    let powers = 0
    for (let c = 0; c < classes; c++) powers += Math.exp(row[c]! - max)
    const log = max + Math.log(powers)
    for (let c = 0; c < classes; c++) total -= y.data[i * classes + c]! * (row[c]! - log)
  }
  return total / batch
}

const depthOf = (parameters: Named): number => Object.keys(parameters).filter(Head.isWeight).length

/** The input of each layer, and the logits. */
export const inputsOf = (parameters: Named, x: Matrix): ReadonlyArray<Matrix> => {
  const [inputs, depth] = [[x], depthOf(parameters)]
  for (let l = 1; l <= depth; l++) {
    const [w, b, a] = [Ops.get(parameters, `W${l}`), Ops.get(parameters, `b${l}`), inputs.at(-1)!]
    const [[out, width], [batch]] = [Float64.dims(w), Float64.dims(a)]
    const [weights, given, z] = [w.data, a.data, new Float64Array(batch * out)]
    for (let i = 0; i < batch; i++) {
      for (let o = 0; o < out; o++) {
        let sum = b.data[o]!
        for (let k = 0; k < width; k++) sum += given[i * width + k]! * weights[o * width + k]!
        z[i * out + o] = l === 1 && depth > 1 ? Math.max(sum, 0) : sum
      }
    }
    inputs.push(Tensor.float64([batch, out], z))
  }
  return inputs
}

/** A head's logits. */
export const logitsOf = (parameters: Named, x: Matrix): Matrix => inputsOf(parameters, x).at(-1)!

/** (softmax(z) − y)/B, row by row. */
export const deltaOf = (logits: Matrix, y: Matrix): Matrix => {
  const [batch, classes] = Float64.dims(logits)
  const delta = new Float64Array(batch * classes)
  for (let i = 0; i < batch; i++) {
    const z = Array.from(logits.data.subarray(i * classes, (i + 1) * classes))
    const max = Math.max(...z)
    const powers = z.map((v) => Math.exp(v - max))
    const total = powers.reduce((a, b) => a + b, 0)
    powers.forEach((p, c) => (delta[i * classes + c] = (p / total - y.data[i * classes + c]!) / batch))
  }
  return Tensor.float64([batch, classes], delta)
}

/** The gradient of the mean cross-entropy, by back-propagation one sample at a time. */
export const gradientsOf = (parameters: Named, x: Matrix, y: Matrix): Named =>
  backPropagated(parameters, x, deltaOf(logitsOf(parameters, x), y))

/** The gradient of the parameters for a given gradient at the logits. */
export const backPropagated = (parameters: Named, x: Matrix, deltas: Matrix): Named => {
  const inputs = inputsOf(parameters, x)
  const depth = depthOf(parameters)
  const gradients = Ops.mapNamed(parameters, ({ shape }) => Tensor.zeros(shape))
  const [batch, classes] = Float64.dims(inputs.at(-1)!)
  for (let i = 0; i < batch; i++) {
    let delta = Array.from(deltas.data.subarray(i * classes, (i + 1) * classes))
    for (let l = depth; l >= 1; l--) {
      const [w, gw, gb] = [Ops.get(parameters, `W${l}`), Ops.get(gradients, `W${l}`), Ops.get(gradients, `b${l}`)]
      const [out, width] = Float64.dims(w)
      const a = inputs[l - 1]!.data.subarray(i * width, (i + 1) * width)
      const back = Array.from({ length: width }, () => 0)
      for (let o = 0; o < out; o++) {
        gb.data[o]! += delta[o]!
        for (let k = 0; k < width; k++) {
          gw.data[o * width + k]! += delta[o]! * a[k]!
          back[k]! += delta[o]! * w.data[o * width + k]!
        }
      }
      delta = l === 2 ? back.map((v, k) => (a[k]! > 0 ? v : 0)) : back
    }
  }
  return gradients
}

/** The numbers of an update. */
export interface Numbers {
  readonly rate: number
  readonly momentum: number
  readonly weightDecay: number
  readonly rho: number
  readonly share: number
}

/** PyTorch's SGD from given weights: v ← μ v + g + λ w, w ← w − η v. Returns weights and velocities by their names. */
export const sgd = (start: Named, velocities: Named, gradients: Named, numbers: Numbers): Named => {
  const decayed = combineAll(gradients, start, (g, w) => g + numbers.weightDecay * w)
  const moved = combineAll(velocities, decayed, (v, g) => numbers.momentum * v + g)
  const named = Object.fromEntries(Object.entries(moved).map(([name, v]) => [`velocity.${name}`, v]))
  return { ...combineAll(start, moved, (w, v) => w - numbers.rate * v), ...named }
}

/** G P for the weights, G for the biases. */
export const modify = (gradients: Named, projections: ReadonlyArray<Matrix>): Named =>
  Ops.mapNamed(gradients, (g, name) =>
    Head.isWeight(name) ? Float64.ops.gemm(g, projections[Head.layerOf(name) - 1]!) : g
  )

const perturbed = (parameters: Named, gradients: Named, rho: number, scope: "global" | "tensor"): Named => {
  const global = norm(Object.values(gradients))
  return combineAll(
    parameters,
    Ops.mapNamed(gradients, (g) => {
      const size = scope === "global" ? global : norm([g])
      return Tensor.float64(
        g.shape,
        g.data.map((x) => (size > 0 ? (rho * x) / size : 0))
      )
    }),
    (w, e) => w + e
  )
}

/** The paper's step (eq. 5 to 9): the gradient at θ + ρ ∇L/‖∇L‖, times P, from θ. */
export const paper = ({ parameters, velocities, projections, x, y }: Scene, numbers: Numbers): Named => {
  const there = perturbed(parameters, gradientsOf(parameters, x, y), numbers.rho, "global")
  return sgd(parameters, velocities, modify(gradientsOf(there, x, y), projections), numbers)
}

/** λ a + (1−λ) a_π. */
export const mix = (a: Matrix, { partners, lambda }: Pick<Scene, "partners" | "lambda">): Matrix =>
  combine(a, Tensor.takeRows(a, partners), (own, other) => lambda * own + (1 - lambda) * other)

/** The released code's step: (1−f) ∇L_mix(w) + f ∇L_flat(w′), times P, from w′ = w + ρ g/‖g‖ tensor by tensor. */
export const code = (scene: Scene, numbers: Numbers): Named => {
  const { parameters, velocities, projections, x, y } = scene
  const [mx, my] = [mix(x, scene), mix(y, scene)]
  const here = gradientsOf(parameters, mx, my)
  const stays = perturbed(parameters, here, numbers.rho, "tensor")
  const flat = gradientsOf(stays, mx, y)
  const both = combineAll(here, flat, (a, b) => (1 - numbers.share) * a + numbers.share * b)
  return sgd(stays, velocities, modify(both, projections), numbers)
}
