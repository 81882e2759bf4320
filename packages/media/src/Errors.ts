/** Errors of media files. Each names the file and says in one line what is wrong with it. */
import { Schema } from "effect"

const fields = { path: Schema.String, problem: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }

/** A media file that cannot be read in the format that it is expected to have. */
export class MediaError extends Schema.TaggedError<MediaError>()("MediaError", fields) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** A vocabulary file that cannot be read or is not a word-piece vocabulary. */
export class VocabularyError extends Schema.TaggedError<VocabularyError>()("VocabularyError", fields) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}
