/**
 * ONNX model files: a graph with what a file says about it, as bytes at once or as a stream that makes promised
 * initializers one at a time.
 */
import { Digest, Tensor } from "@igm/tensor"
import { Effect, Stream } from "effect"
import type { Model, Promised } from "./Graph.ts"
import { OnnxError } from "./OnnxError.ts"
import * as Proto from "./Proto.ts"

export type { Attribute, ElementType, Graph, Model, Node, Promised, ValueInfo } from "./Graph.ts"

/** The most bytes that a protobuf can hold. */
const LIMIT = 2 ** 31 - 1

/** The bytes of a model file. The same model always gives the same bytes. */
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
 * The bytes of a model file, in order, with one initializer in memory at a time: those of `encode`, if all initializers
 * were at hand. Fails when the file would be larger than a protobuf can be, or a promise is not kept.
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

/** The metadata of a model file. Throws when the bytes are not a protobuf of that form. */
export const metadataOf = (file: Uint8Array): Model["metadata"] => {
  const { metadataProps = [] } = Proto.ModelProto.toObject(Proto.ModelProto.decode(file)) as {
    metadataProps?: ReadonlyArray<{ key: string; value: string }>
  }
  return Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))
}

const SEAL = "igm.digest"

/** The end of a sealed file: one more entry of its metadata, with the digest of all that comes before. */
const sealOf = (before: Uint8Array): Uint8Array =>
  Proto.ModelProto.encode(
    Proto.ModelProto.create({ metadataProps: [{ key: SEAL, value: Digest.ofBytes(before) }] })
  ).finish()

/** A model file that ends in its own SHA-256, as the entry `igm.digest` of its metadata. */
export const seal = (file: Uint8Array): Uint8Array => Buffer.concat([file, sealOf(file)])

/** Whether a file ends in its own SHA-256: no byte of it is another than was sealed. */
export const isWhole = (file: Uint8Array): boolean => {
  const before = file.subarray(0, Math.max(0, file.length - sealOf(new Uint8Array()).length))
  return Buffer.compare(seal(before), file) === 0
}
