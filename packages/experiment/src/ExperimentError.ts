/** The error of an experiment that cannot be run as it is. */
import { Schema } from "effect"

/** Names the experiment, and says what of it does not fit. */
export class ExperimentError extends Schema.TaggedError<ExperimentError>()("ExperimentError", {
  experiment: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.experiment}: ${this.problem}`
  }
}
