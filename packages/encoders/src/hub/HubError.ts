/** Why a file of the Hugging Face Hub could not be had, and what can be done about it. */
import { Schema } from "effect"

/**
 * The kinds of failure: `offline` (not asked), `refused` (no access), `missing` (no such repository, revision or file),
 * `unreachable` (no answer, or one that makes no sense), `silent` (nothing comes any more), `truncated` (cut off),
 * `digest` (other bytes than promised), `disk` (the cache cannot be read or written) and `settings` (an environment variable is wrong).
 */
const Reason = Schema.Literals([
  "offline",
  "refused",
  "missing",
  "unreachable",
  "silent",
  "truncated",
  "digest",
  "disk",
  "settings"
])

/** Names the file, by its repository, and says what to do. */
export class HubError extends Schema.TaggedError<HubError>()("HubError", {
  repo: Schema.String,
  file: Schema.String,
  reason: Reason,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.repo}/${this.file}: ${this.problem}`
  }
}
