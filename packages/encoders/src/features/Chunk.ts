/**
 * A chunk of features in a file: a safetensors file with the features of some samples and the digests of those samples, and
 * with a digest of the features, by which a damaged file is known.
 */
import { ioError } from "@igm/io"
import { type Digest, Safetensors, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { createHash } from "node:crypto"
import * as Rows from "./Rows.ts"

const shaOf = (tensor: Tensor.Tensor): string => createHash("sha256").update(Tensor.bytes(tensor)).digest("hex")

/** The name that tells the chunk of some samples from others. */
export const nameOf = (samples: ReadonlyArray<Digest.Digest>): Digest.Digest =>
  createHash("sha256").update(samples.join("")).digest("hex")

/** The bytes of a chunk in parts, the first of which its rows begin behind: features (n × width) of n samples. */
export const parts = (samples: ReadonlyArray<Digest.Digest>, features: Tensor.Tensor<"float32">) => {
  const digests = Tensor.make("uint8", [samples.length, 32], Buffer.from(samples.join(""), "hex"))
  return Safetensors.parts({ features, digests }, { sha256: shaOf(features) })
}

const listed = (digests: Uint8Array): ReadonlyArray<Digest.Digest> => {
  const hex = Buffer.from(digests).toString("hex")
  return Array.from({ length: digests.length / 32 }, (_, i) => hex.slice(64 * i, 64 * i + 64))
}

/** The samples of a chunk; undefined where it is damaged. */
export const decode = (bytes: Uint8Array): ReadonlyArray<Digest.Digest> | undefined => {
  try {
    const { tensors, metadata } = Safetensors.decode(bytes)
    const { features, digests } = tensors
    if (features === undefined || digests === undefined || digests.shape[0] !== features.shape[0]) return undefined
    return metadata["sha256"] === shaOf(features) ? listed(digests.data as Uint8Array) : undefined
  } catch {
    return undefined
  }
}

/** The samples of the chunk in a file, whose features are not read; undefined where that shows damage. */
export const samples = Effect.fn("Chunk.samples")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const size = Number((yield* Effect.mapError(fs.stat(file), ioError(file, "read this file"))).size)
  const parsed = <A>(parse: () => A) => Effect.orElseSucceed(Effect.try(parse), () => undefined)
  const first = yield* Rows.filled(new Uint8Array(Math.min(8, size)), file, 0)
  const length = yield* parsed(() => Safetensors.headerLength(first, size))
  if (length === undefined) return undefined
  const json = yield* Rows.filled(new Uint8Array(length), file, 8)
  const header = yield* parsed(() => Safetensors.header(json, size - 8 - length))
  const digests = header?.tensors.get("digests")
  if (digests === undefined) return undefined
  return listed(yield* Rows.filled(new Uint8Array(digests.end - digests.start), file, 8 + length + digests.start))
})

/** The byte at which the rows of a chunk begin, by its bytes: safetensors puts what is wider first. */
export const offsetIn = (bytes: Uint8Array): number =>
  8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
