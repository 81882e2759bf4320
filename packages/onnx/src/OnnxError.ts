/** The error of this package. */
import { Schema } from "effect"

/** A model could not be opened or run: its name, the problem, and the runtime's error as the cause. */
export class OnnxError extends Schema.TaggedError<OnnxError>()("OnnxError", {
  model: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.model}: ${this.problem}`
  }
}

/**
 * A place in onnxruntime's source in an error message: a file with its line, and a function with or without its types.
 */
const PLACE = /[\w/-]+\.(?:cc|cpp|cu|h):\d+ (?:[^()\n]*(?:\([^()\n]*\))+(?: const)? |\w+ )/g
const LOADING = /^Load model from .+? failed:/

/** The reason of an error: the first line of its message, without places in onnxruntime's source. */
export const wordsOf = (cause: unknown): string => {
  const text = (cause instanceof Error ? cause.message : String(cause)).trim()
  const reason = text.replace(LOADING, "").replaceAll(PLACE, " ").replaceAll(/ {2,}/g, " ").trim()
  const [line] = (reason === "" ? text : reason).split("\n")
  // A model's names may hold what a terminal would obey.
  return line!.replaceAll(/\p{Cc}/gu, "?")
}

/** The messages of onnxruntime, CUDA and JavaScript when memory is exhausted. */
const MEMORY =
  /bad_alloc|bad allocation|out of memory|failed to allocate memory|smaller than requested bytes|allocation failed|ALLOC_FAILED|not enough memory|VK_ERROR_OUT_OF_DEVICE_MEMORY|invalid typed array length/i

/** An error and the chain of its causes. */
const causesOf = (error: unknown): ReadonlyArray<unknown> => {
  if (error === undefined || error === null) return []
  return [error, ...(typeof error === "object" ? causesOf((error as { cause?: unknown }).cause) : [])]
}

/** Tests whether an error or one of its causes means that memory is exhausted. */
export const isOutOfMemory = (error: unknown): boolean =>
  causesOf(error).some((cause) => MEMORY.test(cause instanceof Error ? cause.message : String(cause)))

/** The process of a model ended too early, or took too long. */
export class ProcessEnded extends Error {
  override readonly name = "ProcessEnded"
}

/** Tests whether an error means that a model's process ended or timed out. */
export const hasEndedProcess = (error: unknown): boolean =>
  causesOf(error).some((cause) => cause instanceof ProcessEnded)
