/** The error of this package: a training that failed, with its place. */
import { Schema } from "effect"

/**
 * A training cannot begin or continue: the error says at which place, what is wrong, and what to do. Counts start from
 * 1; 0 is before the first.
 */
export class TrainingError extends Schema.TaggedError<TrainingError>()("TrainingError", {
  method: Schema.String,
  phase: Schema.String,
  epoch: Schema.Int,
  step: Schema.Int,
  problem: Schema.String,
  /** True if a number of the training is no longer finite. */
  diverged: Schema.optionalKey(Schema.Boolean),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.method}, ${this.phase}, epoch ${this.epoch}, step ${this.step}: ${this.problem}`
  }
}
