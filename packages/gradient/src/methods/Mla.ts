/**
 * MLA (Zhang et al., CVPR 2024): modalities of equal width alternate, batch by batch, on one shared head. A matrix P
 * for each layer's input is part of the state: after a modality's update it forgets the direction of the batch's mean
 * input r, k = P r, P ← P − k kᵀ/(α + kᵀ r), and the next gradient is replaced by G Pᵀ. Predictions are fused by
 * entropy.
 */
import { type Digest, Setting, type Split } from "@igm/tensor"
import { Schema } from "effect"
import { sideBySide, targetsOf } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import { crossEntropy } from "../step/Loss.ts"
import type { HostTensor, Method, Step } from "../Method.ts"
import * as Modification from "../step/Modification.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "../step/Optimizer.ts"
import * as Ring from "./Ring.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Selection from "./Selection.ts"
import * as Sharpness from "../step/Sharpness.ts"
import * as Turns from "./Turns.ts"
import * as JointTraining from "./JointTraining.ts"

/** P − k kᵀ/(α + kᵀ r) with k = P r, for a symmetric P (d × d), a mean input r (1 × d), and α > 0 (1 × 1). */
export const forget = <T>(ops: Ops<T>, p: T, r: T, alpha: T): T => {
  const k = ops.gemm(r, p)
  const scale = ops.add(alpha, ops.sum(ops.multiply(k, r), "all"))
  return ops.subtract(p, ops.divide(ops.gemm(k, k, { transA: true }), scale))
}

/** One batch of every modality in turn on the shared head. State: its parameters and memory, and P1, P2, … */
export const step = (
  head: Head.Head,
  order: ReadonlyArray<string>,
  batch: number,
  kind: Optimizer.Optimizer["kind"]
): Step => {
  const depth = Head.depth(head)
  const names = Object.keys(Head.shapes(head))
  return {
    name: `step mla/${kind}/${order.length}`,
    reads: {
      y: { table: "Y", index: "rows" },
      ...Object.fromEntries(order.map((modality) => [`x/${modality}`, { table: `X/${modality}`, index: "rows" }]))
    },
    run: (ops, { state, inputs, reads }) => {
      let at = state
      const losses = order.map((modality) => {
        const parameters = Object.fromEntries(names.map((name) => [name, get(at, name)]))
        const layers = Head.layers(ops, depth, parameters)
        const pass = Head.forward(ops, layers, get(reads, `x/${modality}`))
        const { loss, delta } = crossEntropy(ops, pass.logits, get(reads, "y"), batch)
        const deltas = Head.backward(ops, layers, pass, delta)
        const projected = pass.activations.map((a, i) => ops.gemm(a, get(at, `P${i + 1}`), { transB: true }))
        const gradient = (name: string, addend: typeof loss) =>
          Sharpness.gradientOf(ops, { activations: projected, deltas }, name, addend)
        const updated = Optimizer.update(ops, kind, inputs, parameters, at, gradient)
        const matrices = pass.activations.map((a, i) => {
          const mean = ops.multiply(ops.sum(a, "rows"), ops.scalar(1 / batch))
          return [`P${i + 1}`, forget(ops, get(at, `P${i + 1}`), mean, get(inputs, "alpha"))] as const
        })
        at = { ...at, ...updated, ...Object.fromEntries(matrices) }
        return loss
      })
      const loss = ops.multiply(losses.reduce(ops.add), ops.scalar(1 / losses.length))
      return { state: at, trace: { loss } }
    }
  }
}

/** Options of MLA: one head for all modalities, which therefore have features of one width. */
export interface Options<H extends Head.Head, M extends string, S extends Split.Split = "valid"> {
  readonly head: H
  readonly ring: Ring.Ring<M>
  readonly selection: Selection.Selection<S>
  readonly batch: number
  readonly optimizer?: Optimizer.Optimizer
  /** α > 0: the smaller, the more of a direction is forgotten at once. */
  readonly alpha?: number
}

/** Options of other methods, which are accepted and ignored, so that one value can serve all methods. */
const others = Object.fromEntries(
  ["heads", "rho", "tau", "switches"].map((name) => [name, Schema.optional(Schema.Unknown)])
)

const domain = ({ ring }: Pick<Options<Head.Head, string, Split.Split>, "ring">) =>
  Schema.Struct({
    ...others,
    head: Head.domain,
    ring: Ring.domain(ring.order),
    selection: Selection.domain,
    batch: Setting.count,
    optimizer: Schema.optional(Optimizer.domain),
    alpha: Schema.optional(Setting.positive)
  })

/** The name under which the state holds the shared parameters. */
const SHARED = "shared"

/** MLA. */
export const make = <const H extends Head.Head, M extends string, S extends Split.Split>(
  options: Options<H, M, S>
): Method<{ readonly [K in M]: H["in"] }, S> => {
  Setting.check("MLA", domain(options), options)
  const { head, ring, batch, selection, alpha = 0.1, optimizer = Igm.sgd } = options
  type D = { readonly [K in M]: H["in"] }
  const heads = Object.fromEntries(
    ring.order.map((modality) => [modality, { head, reads: [modality], parameters: SHARED }])
  )
  const once = step(head, ring.order, batch, optimizer.kind)
  const matrices = Object.fromEntries(
    head.widths.slice(0, -1).map((d, i) => [`P${i + 1}`, Modification.identity(d)] as const)
  )
  const state = {
    ...Turns.trained(optimizer, SHARED, head),
    ...mapNamed(matrices, (_, name) => Turns.within(SHARED, name))
  }
  const settings = { fusion: "entropy" as const, optimizer, schedule: Schedule.divideOnPlateau, selection }
  return Turns.make<D, S>({
    name: "MLA",
    description: "modalities alternate on one shared head, whose gradients avoid the directions seen before",
    settings: { heads, ring, batch, alpha, ...settings } as unknown as Digest.Json,
    widths: Object.fromEntries(ring.order.map((modality) => [modality, head.in])) as D,
    heads,
    memory: Turns.allWithin(SHARED, { ...Optimizer.start(optimizer, Head.shapes(head)), ...matrices }),
    ...settings,
    turns: [
      {
        name: "shared head",
        epochs: JointTraining.epochsOf(ring),
        selects: true,
        enter: (_, training) => training,
        work: (job) => {
          const { train } = job
          const inputs: Named<HostTensor> = {
            Y: targetsOf(train),
            ...Object.fromEntries(ring.order.map((modality) => [`X/${modality}`, sideBySide(train, [modality])])),
            ...mapNamed({ ...Optimizer.inputs(optimizer), alpha }, Float64.ops.scalar)
          }
          return {
            step: once,
            state,
            inputs: () => inputs,
            draws: (epoch) => Turns.drawsOf(job, epoch, batch),
            events: []
          }
        }
      }
    ]
  })
}
