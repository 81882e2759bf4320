/** Weights in a safetensors file. */
import { AtomicFile } from "@igm/io"
import { Safetensors } from "@igm/tensor"
import { Effect } from "effect"
import { EncoderError } from "./EncoderError.ts"
import * as Weights from "./Weights.ts"

/** Opens a file of weights. */
export const open = Effect.fn("OpenWeights.open")(function* (path: string) {
  const fail = (cause: unknown) => new EncoderError({ path, problem: (cause as Error).message, cause })
  const bytes = yield* AtomicFile.read(path).pipe(
    Effect.mapError((cause) => new EncoderError({ path, problem: cause.problem, cause }))
  )
  const { tensors } = yield* Effect.try({ try: () => Safetensors.decode(bytes), catch: fail })
  return Weights.ofTensors(path, tensors)
})
