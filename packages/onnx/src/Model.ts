/** Encodes ONNX model files, as bytes at once or as a stream that computes promised initializers one at a time. */
import { Digest, Tensor } from "@igm/tensor"
import { Effect, Stream } from "effect"
import type { Model, Promised } from "./Graph.ts"
import { OnnxError } from "./OnnxError.ts"
import * as Proto from "./Proto.ts"

export type { Attribute, ElementType, Graph, Model, Node, Promised, ValueInfo } from "./Graph.ts"

/** The largest number of bytes of a protobuf message. */
const LIMIT = 2 ** 31 - 1

/** Encodes a model file. The same model always gives the same bytes. */
export const encode = (model: Model): Uint8Array => {
  const parts = Proto.layout(model)
  const out = new Uint8Array(Proto.lengthOf(parts))
  let position = 0
  for (const part of parts) {
    const bytes = part instanceof Uint8Array ? part : Tensor.bytes(part)
    out.set(bytes, position)
    position += bytes.length
  }
  return out
}

/**
 * Streams the bytes of a model file, with one initializer in memory at a time; they are those of `encode`. Fails if the
 * file is too large for a protobuf message, or if an initializer does not have the promised dtype and shape.
 */
export const parts = <E>(model: Model<Tensor.Tensor | Promised<E>>): Stream.Stream<Uint8Array, E | OnnxError> => {
  const fail = (problem: string) => new OnnxError({ model: model.graph.name, problem })
  const all = Proto.layout(model)
  const length = Proto.lengthOf(all)
  if (length > LIMIT)
    return Stream.fail(fail(`the file would have ${length} bytes; an ONNX file holds at most ${LIMIT}`))
  return Stream.fromIterable(all).pipe(
    Stream.mapEffect((part): Effect.Effect<Uint8Array, E | OnnxError> => {
      if (part instanceof Uint8Array) return Effect.succeed(part)
      if (!("tensor" in part)) return Effect.succeed(Tensor.bytes(part))
      return Effect.flatMap(part.tensor, (tensor) =>
        tensor.dtype === part.dtype && tensor.shape.join() === part.shape.join()
          ? Effect.succeed(Tensor.bytes(tensor))
          : Effect.fail(fail(`${tensor.dtype} [${tensor.shape}] came for ${part.dtype} [${part.shape}]`))
      )
    })
  )
}

/** Reads the metadata of a model file. Throws if the bytes are not a valid model. */
export const metadataOf = (file: Uint8Array): Model["metadata"] => {
  const { metadataProps = [] } = Proto.ModelProto.toObject(Proto.ModelProto.decode(file)) as {
    metadataProps?: ReadonlyArray<{ key: string; value: string }>
  }
  return Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))
}

const SEAL = "igm.digest"

/** The end of a sealed file: one more metadata entry, with the digest of all bytes before it. */
const sealOf = (before: Uint8Array): Uint8Array =>
  Proto.ModelProto.encode(
    Proto.ModelProto.create({ metadataProps: [{ key: SEAL, value: Digest.ofBytes(before) }] })
  ).finish()

/** Appends the SHA-256 of a model file to its metadata, as the entry `igm.digest`. */
export const seal = (file: Uint8Array): Uint8Array => Buffer.concat([file, sealOf(file)])

/** Tests whether a file ends with its own SHA-256, that is, whether no byte has changed since it was sealed. */
export const isWhole = (file: Uint8Array): boolean => {
  const before = file.subarray(0, Math.max(0, file.length - sealOf(new Uint8Array()).length))
  return Buffer.compare(seal(before), file) === 0
}
