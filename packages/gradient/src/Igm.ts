/**
 * Interactive multimodal learning via flat gradient modification (Jiang, Chi and Yang, IJCAI 2025): modalities train
 * their heads in turns, each with its gradient bent away from the directions the modality before relies on, and towards
 * flat minima. The paper and its released code differ; `paper` and `code` are two settings of the same switches.
 */
import type { Split } from "@igm/tensor"
import * as Alternating from "./Alternating.ts"
import type { Head } from "./Head.ts"
import type { Method } from "./Method.ts"
import type { Named } from "./Ops.ts"
import type { Sgd } from "./Optimizer.ts"
import type { Ring } from "./Ring.ts"
import * as Schedule from "./Schedule.ts"
import type { Selection } from "./Selection.ts"

/** A head for each modality. */
export type Heads = { readonly [modality: string]: Head }

/** The widths that heads read. */
export type WidthsOf<H extends Heads> = { readonly [M in keyof H]: H[M]["in"] }

/** What an experiment chooses. */
export interface Options<H extends Heads, S extends Split.Split = "valid"> {
  readonly heads: H
  readonly ring: Ring<keyof H & string>
  readonly selection: Selection<S>
  /** Samples of a batch. */
  readonly batch: number
  readonly optimizer?: Sgd
  /** The temperature τ of gradient modification. */
  readonly tau?: number
  /** The radius ρ of the perturbation: one for all modalities, or one for each. */
  readonly rho: number | { readonly [M in keyof H]: number }
}

/** SGD as both the paper and the code set it for the audio-visual data sets. */
export const sgd: Sgd = { rate: 1e-2, momentum: 0.9, weightDecay: 1e-4 }

/** τ of every data set. */
export const TAU = 0.4

/** IGM as the paper describes it. */
export const paper = <const H extends Heads, S extends Split.Split>(options: Options<H, S>): Method<WidthsOf<H>, S> =>
  Alternating.make({
    name: "IGM (paper)",
    description: "in turns; gradient modification; gradient at θ + ε with one norm, weights restored; entropy fusion",
    ...headsOf(options.heads),
    turns: turnsOf(options.ring),
    settings: {
      batch: options.batch,
      optimizer: options.optimizer ?? sgd,
      schedule: Schedule.divideOnPlateau,
      turnStart: { weights: "last", optimizer: "carried" },
      sharpness: { kind: "restored", rho: byModality(options) },
      modification: { tau: options.tau ?? TAU, matching: "position" },
      mixup: {},
      fusion: "entropy",
      selection: options.selection
    }
  })

/** IGM as its released code runs it, but for the selection, which is the caller's. */
export const code = <const H extends Heads, S extends Split.Split>(options: Options<H, S>): Method<WidthsOf<H>, S> =>
  Alternating.make({
    name: "IGM (code)",
    description: "in turns from the best weights; mixup; flat loss at weights that stay perturbed; mean of softmaxes",
    ...headsOf(options.heads),
    turns: turnsOf(options.ring),
    settings: {
      batch: options.batch,
      optimizer: options.optimizer ?? sgd,
      schedule: Schedule.stepAsReleased,
      turnStart: { weights: "best", optimizer: "fresh" },
      sharpness: { kind: "drifting", rho: byModality(options), flatShare: 0.3 },
      modification: { tau: options.tau ?? TAU, matching: "shape" },
      mixup: Object.fromEntries(options.ring.order.map((modality) => [modality, 1])),
      fusion: "mean",
      selection: options.selection
    }
  })

const byModality = ({ rho, ring }: { readonly rho: number | Named<number>; readonly ring: Ring<string> }) =>
  typeof rho === "number" ? Object.fromEntries(ring.order.map((modality) => [modality, rho])) : rho

/** Heads by modality, each reading its own, and their widths. */
export const headsOf = <H extends Heads>(heads: H) => ({
  widths: Object.fromEntries(Object.entries<Head>(heads).map(([modality, head]) => [modality, head.in])) as WidthsOf<H>,
  heads: Object.fromEntries(
    Object.entries<Head>(heads).map(([modality, head]) => [modality, { head, reads: [modality as keyof H & string] }])
  )
})

/** The turns of a ring; the first has nobody before it, so its T is the identity. */
export const turnsOf = <M extends string>({ order, rounds, epochs }: Ring<M>) => {
  const turns = Array.from({ length: rounds * order.length }, (_, i): Alternating.Turn => {
    const head = order[i % order.length]!
    const turn = { head, epochs: epochs[head] }
    return i === 0 ? turn : { ...turn, after: order[(i - 1) % order.length]! }
  })
  return turns as [Alternating.Turn, ...Array<Alternating.Turn>]
}
