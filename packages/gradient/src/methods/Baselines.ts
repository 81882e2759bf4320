/**
 * The baselines that every table shows beside IGM, with the same optimizer, the same schedule and the same number of
 * epochs for each modality, so that a difference is due to the method.
 */
import type { Split } from "@igm/tensor"
import * as Alternating from "./Alternating.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import type { Method } from "../Method.ts"
import { checkOptions } from "./Options.ts"
import { get } from "../ops/Ops.ts"
import type { Rule } from "../step/Rule.ts"
import * as Schedule from "../step/Schedule.ts"

const plain = <H extends Igm.Heads, S extends Split.Split>(options: Igm.Options<H, S>) => ({
  batch: options.batch,
  optimizer: options.optimizer ?? Igm.sgd,
  schedule: Schedule.divideOnPlateau,
  turnStart: { weights: "last", optimizer: "carried" } as const,
  sharpness: null,
  modification: null,
  rule: null,
  mixup: {},
  fusion: options.fusion ?? ("mean" as const),
  selection: options.selection
})

/**
 * The same turns as `Igm.paper` without gradient modification and sharpness; the mean of the heads' softmaxes by default.
 * With mixup, λ ~ Beta(α, α) by modality, it is the control of what mixup gives to IGM as released.
 */
export const lateFusion = <const H extends Igm.Heads, S extends Split.Split>(
  options: Igm.Options<H, S>,
  { mixup = {} }: Pick<Igm.Switches<NoInfer<keyof H & string>>, "mixup"> = {}
): Method<Igm.WidthsOf<H>, S> => {
  checkOptions("late fusion", { ...options, switches: { mixup } })
  const isMixed = Object.keys(mixup).length > 0
  return Alternating.make({
    name: isMixed ? "late fusion, mixup" : "late fusion",
    description: `the same turns, without gradient modification and sharpness${isMixed ? "; mixup" : ""}`,
    ...Igm.headsOf(options.heads),
    turns: Igm.turnsOf(options.ring),
    settings: { ...plain(options), mixup }
  })
}

/** The same turns as `lateFusion`, with a user-defined gradient rule. */
export const withRule = <const H extends Igm.Heads, S extends Split.Split>(
  options: Igm.Options<H, S>,
  rule: Rule
): Method<Igm.WidthsOf<H>, S> => {
  checkOptions(rule.name, options)
  return Alternating.make({
    name: rule.name,
    description: rule.description,
    ...Igm.headsOf(options.heads),
    turns: Igm.turnsOf(options.ring),
    settings: { ...plain(options), rule }
  })
}

/** One head on the modalities' features side by side, for as many epochs as each modality has in turns. */
export const jointHead = <const H extends Igm.Heads, S extends Split.Split>(
  options: Igm.Options<H, S>
): Method<Igm.WidthsOf<H>, S> => {
  checkOptions("joint head", options)
  const modalities = options.ring.order
  const heads = modalities.map((modality) => get(options.heads, modality))
  const [, ...rest] = heads[0]!.widths
  const width = heads.reduce((total, head) => total + head.in, 0)
  const epochs = Math.max(...modalities.map((modality) => options.ring.rounds * options.ring.epochs[modality]))
  return Alternating.make({
    name: "joint head",
    description: "one head on concatenated features",
    widths: Igm.headsOf(options.heads).widths,
    heads: { joint: { head: Head.make(width, ...(rest as [number])), reads: modalities } },
    turns: [{ head: "joint", epochs }],
    settings: plain(options)
  })
}

/** One modality's head alone, for as many epochs as it has in turns. */
export const alone = <const H extends Igm.Heads, S extends Split.Split>(
  options: Igm.Options<H, S>,
  modality: keyof H & string
): Method<Igm.WidthsOf<H>, S> => {
  checkOptions(`${modality} alone`, options)
  return Alternating.make({
    name: `${modality} alone`,
    description: `the ${modality} head alone`,
    widths: Igm.headsOf(options.heads).widths,
    heads: { [modality]: { head: get(options.heads, modality), reads: [modality] } },
    turns: [{ head: modality, epochs: options.ring.rounds * options.ring.epochs[modality] }],
    settings: plain(options)
  })
}
