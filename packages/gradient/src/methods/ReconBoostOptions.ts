/** The options of ReconBoost: its defaults, those of its released code, and their check. */
import { Setting } from "@igm/tensor"
import { Schema } from "effect"
import type { Heads } from "./Igm.ts"

/**
 * The boosting loss (`BoostStep.Form`). A labelled one has w₂ ≤ w₁, so that it is bounded below. A residual one has no
 * lower bound for w > 0, since it rewards p → 0 for every class that the others see: a large w makes training diverge.
 */
export type Loss =
  | { readonly form: "labelled"; readonly own: number; readonly others: number }
  | { readonly form: "residual"; readonly weight: number }

/** (1/C) (5 − q_y) CE, the loss of the released code with its weights. */
export const labelled: Loss = { form: "labelled", own: 5, others: 1 }

/** −Σ_c (y_c − .1 q_c) log p_c. */
export const residual: Loss = { form: "residual", weight: 0.1 }

/** The options of ReconBoost. */
export interface Own {
  readonly loss: Loss
  /** The number of epochs of each rectification. */
  readonly rectify: number
  /** True if there is a rectification after the first turn too, of that one head (code). */
  readonly rectifiesFirst: boolean
  /** β, or its first value. */
  readonly boostRate: number
  /** True if rectifications train β as well (code). */
  readonly trainsRate: boolean
  /** True if the modalities share one head (code), whose features then have one width. */
  readonly sharedHead: boolean
}

/** The defaults: the released loss, on a head for each modality. */
export const onHeads: Own = {
  loss: labelled,
  rectify: 1,
  rectifiesFirst: false,
  boostRate: 1,
  trainsRate: false,
  sharedHead: false
}

/** The released code's options, with as many epochs of a rectification as it has of a turn. */
export const released: Own = {
  loss: labelled,
  rectify: 4,
  rectifiesFirst: true,
  boostRate: 1,
  trainsRate: true,
  sharedHead: true
}

const Labelled = Schema.Struct({
  form: Schema.Literal("labelled"),
  own: Setting.positive,
  others: Setting.nonNegative
})

const Domain = Schema.Struct({
  loss: Schema.Union([Labelled, Schema.Struct({ form: Schema.Literal("residual"), weight: Setting.belowOne })]),
  rectify: Setting.repeatsOrNone,
  rectifiesFirst: Schema.Boolean,
  boostRate: Setting.positive,
  trainsRate: Schema.Boolean,
  sharedHead: Schema.Boolean
})

/** Throws a `SettingError` for an option outside of its domain. */
export const check = (of: string, own: Own, heads: Heads): void => {
  Setting.check(of, Domain, own)
  const { loss, sharedHead } = own
  const refuse = (setting: string, value: unknown, domain: string): never => {
    throw new Setting.SettingError({ of, setting, value: String(value), domain })
  }
  if (loss.form === "labelled" && loss.others > loss.own) {
    refuse("loss.others", loss.others, `at most loss.own, ${loss.own}, since the loss has no lower bound above`)
  }
  const widths = Object.values(heads).map((head) => JSON.stringify(head.widths))
  if (sharedHead && new Set(widths).size > 1) refuse("sharedHead", sharedHead, "heads of the same widths for it")
}
