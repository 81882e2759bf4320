/** The error of this room: a training that went wrong at a place. */
import { Schema } from "effect"

/** A training that cannot begin, or did not go on: at what place, what is wrong, and what to do. Counts are from 1; 0 is before the first. */
export class TrainingError extends Schema.TaggedError<TrainingError>()("TrainingError", {
  method: Schema.String,
  phase: Schema.String,
  epoch: Schema.Int,
  step: Schema.Int,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.method}, ${this.phase}, epoch ${this.epoch}, step ${this.step}: ${this.problem}`
  }
}
