/** The errors of this room. Each names the file or folder and says in one line what is wrong with it. */
import { Schema } from "effect"

const fields = { path: Schema.String, problem: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }

/** A media file that cannot be read as what it should be. */
export class MediaError extends Schema.TaggedError<MediaError>()("MediaError", fields) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** A data set whose files are not laid out as they should be. */
export class DatasetError extends Schema.TaggedError<DatasetError>()("DatasetError", fields) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** A vocabulary that cannot be read or is not one of word pieces. */
export class VocabularyError extends Schema.TaggedError<VocabularyError>()("VocabularyError", fields) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}
