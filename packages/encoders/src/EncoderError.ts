/** The error of this room: an encoder whose file is missing, damaged, or not what it should be. */
import { Schema } from "effect"

/** Names the model file and says what is wrong with it. */
export class EncoderError extends Schema.TaggedError<EncoderError>()("EncoderError", {
  path: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}
