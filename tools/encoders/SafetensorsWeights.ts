/** Weights of a safetensors file of float32 tensors, read one at a time. */
import { EncoderError, type Weights } from "@igm/encoders"
import { Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"

interface Located {
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
  readonly data_offsets: readonly [start: number, end: number]
}

/** Opens a file that is known to be well formed; it is closed with the scope. */
export const open = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const unreadable = (cause: unknown) => new EncoderError({ path, problem: "this cannot be read", cause })
  const file = yield* Effect.mapError(fs.open(path), unreadable)
  const bytes = Effect.fnUntraced(function* (start: number, length: number) {
    const out = new Uint8Array(length)
    for (let done = 0; done < length;) {
      const options = { position: BigInt(start + done) }
      done += yield* Effect.mapError(file.read(out.subarray(done), options), unreadable)
    }
    return out
  })
  const length = Number(new DataView((yield* bytes(0, 8)).buffer).getBigUint64(0, true))
  const header: { [name: string]: Located } = JSON.parse(new TextDecoder().decode(yield* bytes(8, length)))
  const weights: Weights.Weights = {
    path,
    entries: new Map(Object.entries(header)),
    read: (name) => {
      const { shape, data_offsets: offsets } = header[name]!
      const raw = bytes(8 + length + offsets[0], offsets[1] - offsets[0])
      return Effect.map(raw, ({ buffer }) => Tensor.float32(shape, new Float32Array(buffer)))
    }
  }
  return weights
})
