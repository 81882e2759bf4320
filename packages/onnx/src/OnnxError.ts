/** The error of this room. */
import { Schema } from "effect"

/** A model that could not be opened or run: which one, what went wrong, and the runtime's own words as the cause. */
export class OnnxError extends Schema.TaggedError<OnnxError>()("OnnxError", {
  model: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.model}: ${this.problem}`
  }
}

/** The first line of what was thrown. */
export const wordsOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0]!
