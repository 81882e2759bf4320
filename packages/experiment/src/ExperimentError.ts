/** The error of an experiment that cannot be run as it is defined. */
import { Schema } from "effect"

/** Names the experiment and describes the inconsistency. */
export class ExperimentError extends Schema.TaggedError<ExperimentError>()("ExperimentError", {
  experiment: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.experiment}: ${this.problem}`
  }
}
