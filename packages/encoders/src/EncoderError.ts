/** The errors of this room: an encoder whose file is missing, damaged, or not what it should be, and one out of memory. */
import { Schema } from "effect"

/** Names the model file and says what is wrong with it. */
export class EncoderError extends Schema.TaggedError<EncoderError>()("EncoderError", {
  path: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect()),
  /** Prefixes of names below which a file of weights has what was looked for in vain. */
  prefixes: Schema.optionalKey(Schema.Array(Schema.String))
}) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** There was not enough memory for a batch of so many samples. */
export class BatchTooLarge extends Schema.TaggedError<BatchTooLarge>()("BatchTooLarge", {
  path: Schema.String,
  batch: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const one = this.batch === 1
    return one
      ? `${this.path}: there is not enough memory for one sample: make it smaller, or take a device that has more`
      : `${this.path}: there is not enough memory for a batch of ${this.batch} samples: lower the batch size`
  }
}
