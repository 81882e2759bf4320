/** The error of this room: a training that went wrong at a place. */
import { Schema } from "effect"

/** A training whose loss is no longer a number. */
export class TrainingError extends Schema.TaggedError<TrainingError>()("TrainingError", {
  method: Schema.String,
  phase: Schema.String,
  epoch: Schema.Int,
  step: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.method}, ${this.phase}, epoch ${this.epoch}, step ${this.step}: ${this.problem}`
  }
}
