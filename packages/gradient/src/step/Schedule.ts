/**
 * Learning-rate schedules as pairs of pure functions: `start` gives the initial state, and `next` the state after an
 * epoch.
 */
import { Setting } from "@igm/tensor"
import { Schema } from "effect"

/** A schedule of the factor on the learning rate, by epoch e = 0, 1,  */
export type Schedule =
  /** Always 1. */
  | { readonly kind: "constant" }
  /** PyTorch's StepLR: factor^⌊e/size⌋; `early` counts e from 1, as code does that steps it before the epoch. */
  | { readonly kind: "step"; readonly size: number; readonly factor: number; readonly early: boolean }
  /** From `from` in a straight line to 1 at e = epochs; `early` as above. */
  | { readonly kind: "warm-up"; readonly epochs: number; readonly from: number; readonly early: boolean }
  /**
   * PyTorch's ReduceLROnPlateau: multiplied by `factor` when the training loss has not fallen by `threshold` (relative)
   * for more than `patience` epochs. The threshold is meant for positive losses.
   */
  | { readonly kind: "plateau"; readonly factor: number; readonly patience: number; readonly threshold: number }

const { count, factor } = Setting

/** The schema of a valid schedule. */
export const domain: Schema.Codec<Schedule> = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("constant") }),
  Schema.Struct({ kind: Schema.Literal("step"), size: count, factor, early: Schema.Boolean }),
  Schema.Struct({ kind: Schema.Literal("warm-up"), epochs: count, from: Setting.share, early: Schema.Boolean }),
  Schema.Struct({ kind: Schema.Literal("plateau"), factor, patience: Setting.natural, threshold: Setting.belowOne })
]).annotate({ expected: "a schedule of kind constant, step, warm-up or plateau, with all that the kind has" })

/** The released code's StepLR(40, 0.1), stepped before each epoch: × 0.1 from 0-based epoch 39 on. */
export const stepAsReleased: Schedule = { kind: "step", size: 40, factor: 0.1, early: true }

/** The released code's warm-up for Twitter15 and Sarcasm: 2/3 in epoch 0, then 1. */
export const warmUpAsReleased: Schedule = { kind: "warm-up", epochs: 2, from: 1 / 3, early: true }

/** "Divided by 10 when the loss is saturated", as the paper says. */
export const divideOnPlateau: Schedule = { kind: "plateau", factor: 0.1, patience: 2, threshold: 1e-3 }

/** The state of a schedule between epochs. */
export interface Memory {
  /** The factor of the coming epoch. */
  readonly factor: number
  readonly epochs: number
  readonly best: number | null
  readonly waited: number
}

/** The factor of a schedule that depends on the number of finished epochs only. */
const factorAt = (schedule: Exclude<Schedule, { kind: "plateau" }>, epochs: number): number => {
  if (schedule.kind === "constant") return 1
  const e = epochs + (schedule.early ? 1 : 0)
  if (schedule.kind === "step") return schedule.factor ** Math.floor(e / schedule.size)
  const share = Math.min(e / schedule.epochs, 1)
  return schedule.from * (1 - share) + share
}

/** The state before the first epoch. */
export const start = (schedule: Schedule): Memory => ({
  factor: schedule.kind === "plateau" ? 1 : factorAt(schedule, 0),
  epochs: 0,
  best: null,
  waited: 0
})

/** The state after an epoch with the given mean training loss. */
export const next = (schedule: Schedule, memory: Memory, loss: number): Memory => {
  const epochs = memory.epochs + 1
  if (schedule.kind !== "plateau") return { ...memory, epochs, factor: factorAt(schedule, epochs) }
  const better = memory.best === null || loss < memory.best * (1 - schedule.threshold)
  const waited = better ? 0 : memory.waited + 1
  const drop = waited > schedule.patience
  return {
    factor: drop ? memory.factor * schedule.factor : memory.factor,
    epochs,
    best: better ? loss : memory.best,
    waited: drop ? 0 : waited
  }
}
