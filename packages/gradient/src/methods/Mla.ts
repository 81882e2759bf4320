/**
 * MLA (Zhang et al., CVPR 2024): modalities of equal width alternate, batch by batch, on one shared head. A matrix P
 * for each layer's input is part of the state: after a modality's update it forgets the direction of the batch's mean
 * input r, k = P r, P ← P − k kᵀ/(α + kᵀ r), and the next gradient is replaced by G Pᵀ. Predictions are fused by
 * entropy.
 */
import { type Digest, Setting, type Split, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { sideBySide, targetsOf } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import { type Fusion, fusions } from "../Fusion.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import type { Drawn, Draws, HostTensor, Method } from "../Method.ts"
import { type Form, code, paper, step } from "../step/MlaStep.ts"
import * as Modification from "../step/Modification.ts"
import { type Named, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "../step/Optimizer.ts"
import * as Ring from "./Ring.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Selection from "./Selection.ts"
import * as Turns from "./Turns.ts"
import * as JointTraining from "./JointTraining.ts"
import * as Variant from "./Variant.ts"

export { type Form, code, forget, paper, step } from "../step/MlaStep.ts"

/** Options of MLA: one head for all modalities, which therefore have features of one width. */
export interface Options<H extends Head.Head, M extends string, S extends Split.Split = "valid"> {
  readonly head: H
  readonly ring: Ring.Ring<M>
  readonly selection: Selection.Selection<S>
  readonly batch: number
  readonly optimizer?: Optimizer.Optimizer
  /** Entropy weights by default. */
  readonly fusion?: Fusion
  /** α > 0: the smaller, the more of a direction is forgotten at once. */
  readonly alpha?: number
  /** The projection of gradients: `paper` unless set, `code`, or others; `null` for none. */
  readonly projection?: Form | null
}

const Projection = Schema.Struct({
  used: Setting.oneOf(["before", "after"]),
  divisor: Setting.oneOf(["number", "matrix"]),
  normalized: Schema.Boolean,
  alpha: Setting.oneOf(["fixed", "falling"]),
  skipsFirst: Schema.Boolean
})

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
    fusion: Schema.optional(Setting.oneOf(fusions)),
    alpha: Schema.optional(Setting.positive),
    projection: Schema.optional(Schema.NullOr(Projection))
  })

/** The name under which the state holds the shared parameters. */
const SHARED = "shared"

const nameOf = (projection: Form | null): string => {
  if (projection === null) return Variant.name("MLA", ["no projection"])
  const changed = (Object.keys(paper) as ReadonlyArray<keyof Form>).filter((of) => projection[of] !== paper[of])
  if (changed.every((of) => projection[of] === code[of]) && changed.length === Object.keys(code).length) {
    return Variant.name("MLA", ["code"])
  }
  return Variant.name("MLA", changed)
}

/** MLA. */
export const make = <const H extends Head.Head, M extends string, S extends Split.Split>(
  options: Options<H, M, S>
): Method<{ readonly [K in M]: H["in"] }, S> => {
  Setting.check("MLA", domain(options), options)
  const {
    head,
    ring,
    batch,
    selection,
    alpha = 0.1,
    optimizer = Igm.sgd,
    fusion = "entropy",
    projection = paper
  } = options
  type D = { readonly [K in M]: H["in"] }
  const heads = Object.fromEntries(
    ring.order.map((modality) => [modality, { head, reads: [modality], parameters: SHARED }])
  )
  const once = step(head, ring.order, batch, optimizer.kind, projection)
  const layers = projection === null ? [] : head.widths.slice(0, -1)
  const matrices = Object.fromEntries(layers.map((d, i) => [`P${i + 1}`, Modification.identity(d)] as const))
  const state = {
    ...Turns.trained(optimizer, SHARED, head),
    ...mapNamed(matrices, (_, name) => Turns.within(SHARED, name))
  }
  const drawsOf = (job: Drawn, epoch: number): Draws => {
    const { steps, values } = Turns.drawsOf(job, epoch, batch)
    const numbers = (of: (t: number) => number) =>
      Tensor.float64(
        [steps, 1, 1],
        Float64Array.from({ length: steps }, (_, t) => of(t))
      )
    const falling = projection?.alpha === "falling" ? { alpha: numbers((t) => alpha ** (t / steps + 1)) } : {}
    const first = projection?.skipsFirst === true ? { first: numbers((t) => Number(epoch === 0 && t === 0)) } : {}
    return { steps, values: { ...values, ...falling, ...first } }
  }
  const settings = { fusion, optimizer, schedule: Schedule.divideOnPlateau, selection }
  return Turns.make<D, S>({
    name: nameOf(projection),
    description:
      projection === null
        ? "modalities alternate on one shared head"
        : "modalities alternate on one shared head, whose gradients avoid the directions seen before",
    settings: { heads, ring, batch, alpha, projection, ...settings } as unknown as Digest.Json,
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
            draws: (epoch) => drawsOf(job, epoch),
            events: []
          }
        }
      }
    ]
  })
}
