/** The error of a command whose input cannot be used. */
import { Name } from "@igm/tensor"
import { Schema } from "effect"

/** Names the file and describes the problem. */
export class ProgramError extends Schema.TaggedError<ProgramError>()("ProgramError", {
  path: Schema.String,
  problem: Schema.String,
  /** Lines that are printed below the message. */
  details: Schema.optionalKey(Schema.Array(Schema.String)),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

/** The message of a thrown value, in one line. */
export const wordsOf = (cause: unknown): string => {
  try {
    return words(cause)
  } catch {
    // What is thrown may throw when it is read.
    return "something that cannot be read is thrown"
  }
}

const words = (cause: unknown): string => {
  if (!(cause instanceof Error)) return `${typeof cause === "string" ? Name.shown(cause) : String(cause)} is thrown`
  return cause.message === "" ? cause.name : cause.message
}
