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

/** Where in onnxruntime's source something was thrown: a file with its line, and a function with or without its types. */
const PLACE = /[\w/-]+\.(?:cc|cpp|cu|h):\d+ (?:[^()\n]*(?:\([^()\n]*\))+(?: const)? |\w+ )/g
const LOADING = /^Load model from .+? failed:/

/** What was thrown says of the reason: its first line, without places in onnxruntime's source. */
export const wordsOf = (cause: unknown): string => {
  const text = (cause instanceof Error ? cause.message : String(cause)).trim()
  const reason = text.replace(LOADING, "").replaceAll(PLACE, " ").replaceAll(/ {2,}/g, " ").trim()
  const [line] = (reason === "" ? text : reason).split("\n")
  // A model's names may hold what a terminal would obey.
  return line!.replaceAll(/\p{Cc}/gu, "?")
}

/** How onnxruntime, CUDA and JavaScript say that there is not enough memory. */
const MEMORY =
  /bad_alloc|bad allocation|out of memory|failed to allocate memory|smaller than requested bytes|allocation failed|ALLOC_FAILED|not enough memory|VK_ERROR_OUT_OF_DEVICE_MEMORY|invalid typed array length/i

/** What was thrown, and what caused that, and so on. */
const causesOf = (error: unknown): ReadonlyArray<unknown> => {
  if (error === undefined || error === null) return []
  return [error, ...(typeof error === "object" ? causesOf((error as { cause?: unknown }).cause) : [])]
}

/** Whether what was thrown, or what caused it, says that there is not enough memory. */
export const isOutOfMemory = (error: unknown): boolean =>
  causesOf(error).some((cause) => MEMORY.test(cause instanceof Error ? cause.message : String(cause)))

/** The process of a model ended before it was done, or took too long. */
export class ProcessEnded extends Error {
  override readonly name = "ProcessEnded"
}

/** Whether a model ended its process, or did not come to an end. */
export const hasEndedProcess = (error: unknown): boolean =>
  causesOf(error).some((cause) => cause instanceof ProcessEnded)
