/**
 * A frozen encoder: an ONNX file that turns a batch of samples into features. Its digest is pinned, so that a feature
 * cannot silently come from other weights, and its declared input and output are checked when it is opened.
 */
import { OnnxRuntime, type Port } from "@igm/onnx"
import { Digest, type Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { EncoderError } from "./EncoderError.ts"

/** The description of an encoder whose features are `Width` wide. */
export interface Encoder<Width extends number = number> {
  readonly name: string
  /** The path of the ONNX file. */
  readonly file: string
  /** The SHA-256 of the ONNX file. */
  readonly digest: Digest.Digest
  /** The shape of one sample; the model's input has a batch axis before it. */
  readonly input: ReadonlyArray<number>
  readonly width: Width
}

/** An encoder ready to run. */
export interface OpenEncoder {
  /** Features (n × width) of a batch of n samples (n × …input). */
  readonly encode: (batch: Tensor.Tensor<"float32">) => Effect.Effect<Tensor.Tensor<"float32">, EncoderError>
}

/** The description of an encoder. */
export const make = <const Width extends number>(encoder: Encoder<Width>): Encoder<Width> => encoder

/** Opens an encoder; it is closed with the scope. */
export const open = Effect.fn("Encoder.open")(function* (encoder: Encoder) {
  const fs = yield* FileSystem.FileSystem
  const runtime = yield* OnnxRuntime
  const fail = (problem: string, cause?: unknown) =>
    new EncoderError({ path: encoder.file, problem, ...(cause === undefined ? {} : { cause }) })

  const bytes = yield* fs
    .readFile(encoder.file)
    .pipe(Effect.mapError((cause) => fail(`the encoder ${encoder.name} cannot be read`, cause)))
  const digest = Digest.ofBytes(bytes)
  if (digest !== encoder.digest) {
    const expected = Digest.short(encoder.digest)
    return yield* fail(
      `the file of encoder ${encoder.name} is damaged: SHA-256 ${Digest.short(digest)}…, not ${expected}…`
    )
  }
  const session = yield* runtime
    .open(encoder.file, bytes)
    .pipe(Effect.mapError((cause) => fail(`onnxruntime cannot open the encoder ${encoder.name}`, cause)))
  const [input, output] = [session.inputs[0], session.outputs[0]]
  if (
    input === undefined ||
    output === undefined ||
    !accepts(input, encoder.input) ||
    !accepts(output, [encoder.width])
  ) {
    return yield* fail(
      `the encoder ${encoder.name} should map [batch, ${encoder.input.join(", ")}] to [batch, ${encoder.width}], ` +
        `but declares [${input?.shape.join(", ")}] to [${output?.shape.join(", ")}]`
    )
  }
  const encode = Effect.fn("Encoder.encode")(function* (batch: Tensor.Tensor<"float32">) {
    const results = yield* session
      .run({ [input.name]: batch })
      .pipe(Effect.mapError((cause) => fail(`the encoder ${encoder.name} failed on a batch`, cause)))
    const features = results[output.name]
    if (features === undefined || features.dtype !== "float32") return yield* fail(`no float32 output ${output.name}`)
    return features as Tensor.Tensor<"float32">
  })
  const opened: OpenEncoder = { encode }
  return opened
})

/** Whether a port is a batch of values of the given shape; the model may leave sizes open. */
const accepts = ({ shape }: Port, sample: ReadonlyArray<number>): boolean =>
  shape.length === sample.length + 1 && sample.every((d, i) => typeof shape[i + 1] === "string" || shape[i + 1] === d)
