/** Learning-rate schedules as pure functions: a schedule turns what an epoch showed into the factor of the next one. */

/** A schedule of the learning rate. */
export type Schedule =
  /** Always the same. */
  | { readonly kind: "constant" }
  /** Multiplied by `factor` every `size` epochs; as released it is stepped before the epoch, so one epoch early. */
  | { readonly kind: "step"; readonly size: number; readonly factor: number }
  /** Multiplied by `factor` when the training loss has not fallen by `threshold` (relative) for `patience` epochs. */
  | { readonly kind: "plateau"; readonly factor: number; readonly patience: number; readonly threshold: number }

/** The released code's StepLR(40, 0.1), stepped before each epoch. */
export const stepAsReleased: Schedule = { kind: "step", size: 40, factor: 0.1 }

/** "Divided by 10 when the loss is saturated", as the paper says. */
export const divideOnPlateau: Schedule = { kind: "plateau", factor: 0.1, patience: 3, threshold: 1e-3 }

/** What a schedule remembers between epochs. */
export interface Memory {
  readonly factor: number
  readonly epochs: number
  readonly best: number | null
  readonly waited: number
}

/** Before the first epoch. */
export const start = (schedule: Schedule): Memory => ({
  factor: schedule.kind === "step" && schedule.size === 1 ? schedule.factor : 1,
  epochs: 0,
  best: null,
  waited: 0
})

/** After an epoch with the given mean training loss. */
export const next = (schedule: Schedule, memory: Memory, loss: number): Memory => {
  const epochs = memory.epochs + 1
  if (schedule.kind === "constant") return { ...memory, epochs }
  if (schedule.kind === "step") {
    return { ...memory, epochs, factor: schedule.factor ** Math.floor((epochs + 1) / schedule.size) }
  }
  const better = memory.best === null || loss < memory.best * (1 - schedule.threshold)
  const waited = better ? 0 : memory.waited + 1
  const drop = waited >= schedule.patience
  return {
    factor: drop ? memory.factor * schedule.factor : memory.factor,
    epochs,
    best: better ? loss : memory.best,
    waited: drop ? 0 : waited
  }
}
