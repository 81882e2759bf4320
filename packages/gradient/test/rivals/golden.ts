/** The golden file of the rivals: inputs of all cases, and what the released codes made of them. */
import { Safetensors, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { Ops } from "../../src/index.ts"

/** Reads the file's tensors in double precision. */
export const golden = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const file = fileURLToPath(new URL("../golden/rivals.safetensors", import.meta.url))
  return Ops.mapNamed(Safetensors.decode(yield* fs.readFile(file)).tensors, Tensor.toFloat64)
})
