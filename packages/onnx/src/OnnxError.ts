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

/** How onnxruntime, CUDA and JavaScript say that there is not enough memory. */
const MEMORY =
  /bad_alloc|bad allocation|out of memory|failed to allocate memory|smaller than requested bytes|allocation failed|ALLOC_FAILED|not enough memory|VK_ERROR_OUT_OF_DEVICE_MEMORY|invalid typed array length/i

/** Whether what was thrown, or what caused it, says that there is not enough memory. */
export const isOutOfMemory = (error: unknown): boolean => {
  for (let at = error; at !== undefined && at !== null; at = (at as { cause?: unknown }).cause) {
    if (MEMORY.test(at instanceof Error ? at.message : String(at))) return true
    if (typeof at !== "object") return false
  }
  return false
}
