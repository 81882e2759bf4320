/**
 * Interactive multimodal learning via flat gradient modification (Jiang, Chi and Yang, IJCAI 2025): modalities train
 * their heads in turns, each with its gradient bent away from the directions the modality before relies on, and towards
 * flat minima. The paper and its released code differ; `paper` and `code` are two settings of the same switches.
 */
import type { Split } from "@igm/tensor"
import * as Alternating from "./Alternating.ts"
import type { Head } from "../step/Head.ts"
import type { Fusion } from "../Fusion.ts"
import type { Method } from "../Method.ts"
import type * as Modification from "../step/Modification.ts"
import type { Named } from "../ops/Ops.ts"
import { checkOptions } from "./Options.ts"
import type { Optimizer, Sgd } from "../step/Optimizer.ts"
import type { Ring } from "./Ring.ts"
import * as Schedule from "../step/Schedule.ts"
import type { Selection } from "./Selection.ts"
import * as Sharpness from "../step/Sharpness.ts"

/** A head for each modality. */
export type Heads = { readonly [modality: string]: Head }

/** The widths of the features that heads read, by modality. */
export type WidthsOf<H extends Heads> = { readonly [M in keyof H]: H[M]["in"] }

/** Options of IGM and its baselines. */
export interface Options<H extends Heads, S extends Split.Split = "valid"> {
  readonly heads: H
  readonly ring: Ring<keyof H & string>
  readonly selection: Selection<S>
  /** The number of samples in a batch. */
  readonly batch: number
  readonly optimizer?: Optimizer
  /**
   * The fusion of every method that is made of these options, so that methods of one table differ in nothing but
   * themselves; by default, each method has the fusion that its authors gave it.
   */
  readonly fusion?: Fusion
  /**
   * The temperature τ of gradient modification. The paper has τ > 0; 0 is allowed as well, since P is then the identity, and
   * nothing is modified: a control.
   */
  readonly tau?: number
  /** The radius ρ ≥ 0 of the perturbation: one for all modalities, or one for each. */
  readonly rho: number | { readonly [M in keyof H]: number }
  /** Switches to turn from where `paper` and `code` set them. */
  readonly switches?: Switches<NoInfer<keyof H & string>>
}

/**
 * Every point on which the paper and its released code differ, or which the paper leaves open, by name; what is not set
 * stays as in `paper` or `code`. docs/method.md has the equations. The selection and ρ by modality are options.
 */
export interface Switches<M extends string = string> {
  /** The perturbed gradient, eq. 6 to 8: the norm's scope, restoring, the share f and its labels; `null` for none. */
  readonly sharpness?: Partial<Sharpness.Form> | null
  /** α > 0 of mixup's Beta(α, α) by modality; one that is not named is not mixed. */
  readonly mixup?: { readonly [K in M]?: number }
  /** Entropy weights, "as MLA" (paper), or the mean of softmaxes (code). */
  readonly fusion?: Fusion
  /**
   * The previous head's layer whose P multiplies a layer's gradient: by position from the output (paper), or by equal
   * weight shapes (code).
   */
  readonly matching?: Modification.Matching
  /** Y of eq. 2 either accumulates over a head's turns or starts anew with each (code; the paper leaves it open). */
  readonly moment?: "anew" | "accumulated"
  /** Divided by 10 when the loss is saturated (paper), or StepLR(40, 0.1) stepped before the epoch (code). */
  readonly schedule?: Schedule.Schedule
  /** Last weights and carried memory (paper, which leaves it open), or best weights and a fresh optimizer (code). */
  readonly turnStart?: Alternating.Settings<Split.Split>["turnStart"]
  /** Zero gradients and flat spectra become NaN, as in the released code. */
  readonly strictNaN?: boolean
}

/** SGD as both the paper and the code set it for the audio-visual data sets. */
export const sgd: Sgd = { kind: "sgd", rate: 1e-2, momentum: 0.9, weightDecay: 1e-4 }

/** The temperature τ, the same for every data set. */
export const TAU = 0.4

/** The settings that distinguish the two variants of IGM. */
interface Semantics {
  readonly name: string
  readonly description: string
  readonly form: Sharpness.Form
  readonly switches: Required<Omit<Switches, "sharpness" | "strictNaN">>
}

const make = <const H extends Heads, S extends Split.Split>(
  options: Options<H, S>,
  { name, description, form, switches: set }: Semantics
): Method<WidthsOf<H>, S> => {
  checkOptions(name, options, { needsRho: true })
  const { sharpness, strictNaN = false, ...turned } = options.switches ?? {}
  const { fusion = set.fusion } = options
  const { matching, moment, ...switches } = { ...set, fusion, ...turned }
  return Alternating.make({
    name,
    description,
    ...headsOf(options.heads),
    turns: turnsOf(options.ring),
    settings: {
      ...switches,
      batch: options.batch,
      optimizer: options.optimizer ?? sgd,
      sharpness: sharpness === null ? null : { form: { ...form, strictNaN, ...sharpness }, rho: byModality(options) },
      modification: { tau: options.tau ?? TAU, matching, moment, strictNaN },
      rule: null,
      selection: options.selection
    }
  })
}

/** IGM as the paper describes it. Throws a `SettingError` for an invalid option, as all methods do. */
export const paper = <const H extends Heads, S extends Split.Split>(options: Options<H, S>): Method<WidthsOf<H>, S> =>
  make(options, {
    name: "IGM (paper)",
    description: "in turns; gradient modification; gradient at θ + ε with one norm, weights restored; entropy fusion",
    form: Sharpness.paper,
    switches: {
      mixup: {},
      fusion: "entropy",
      matching: "position",
      moment: "anew",
      schedule: Schedule.divideOnPlateau,
      turnStart: { weights: "last", optimizer: "carried" }
    }
  })

/**
 * IGM as its released code runs it, except for the selection, which the caller chooses. Every modality uses mixup; the
 * code does not mix text, which `switches.mixup` can express by naming the other modalities.
 */
export const code = <const H extends Heads, S extends Split.Split>(options: Options<H, S>): Method<WidthsOf<H>, S> =>
  make(options, {
    name: "IGM (code)",
    description: "in turns from the best weights; mixup; flat loss at weights that stay perturbed; mean of softmaxes",
    form: Sharpness.code,
    switches: {
      mixup: Object.fromEntries(options.ring.order.map((modality) => [modality, 1])),
      fusion: "mean",
      matching: "shape",
      moment: "anew",
      schedule: Schedule.stepAsReleased,
      turnStart: { weights: "best", optimizer: "fresh" }
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

/** The turns of a ring; the first turn has no predecessor, so its P is the identity. */
export const turnsOf = <M extends string>({ order, rounds, epochs }: Ring<M>) => {
  const turns = Array.from({ length: rounds * order.length }, (_, i): Alternating.Turn => {
    const head = order[i % order.length]!
    const turn = { head, epochs: epochs[head] }
    return i === 0 ? turn : { ...turn, after: order[(i - 1) % order.length]! }
  })
  return turns as [Alternating.Turn, ...Array<Alternating.Turn>]
}
