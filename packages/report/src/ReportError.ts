/** The error of a report or section that cannot be: an empty title, data that do not fit, a chart that asks for the network. */
import { Schema } from "effect"

/** A report or section that cannot be made, read or drawn. */
export class ReportError extends Schema.TaggedError<ReportError>()("ReportError", {
  /** The report or section. */
  at: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.at}: ${this.problem}`
  }
}
