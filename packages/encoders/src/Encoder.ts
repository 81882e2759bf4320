/**
 * A frozen encoder: an ONNX file that turns a batch of samples into features. Its digest is pinned, so that a feature
 * cannot silently come from other weights, and what the file declares is held against what the encoder states when it is
 * opened. Any exporter's file will do, also one whose weights lie in files beside it: they are pinned as well.
 */
import { FileDigest } from "@igm/io"
import { ModelFile, type Opening, Placement, isOutOfMemory } from "@igm/onnx"
import { Digest, type Memory, type Tensor } from "@igm/tensor"
import { Effect, Path } from "effect"
import { BatchTooLarge, EncoderError } from "./EncoderError.ts"
import { EncoderRuntime } from "./EncoderRuntime.ts"
import * as Ports from "./graphs/Port.ts"

/** The inputs of an encoder: by name, or the shape of one sample of the model's only input, float32. */
export type Inputs =
  | { readonly inputs: Ports.Ports; readonly input?: undefined }
  | { readonly input: ReadonlyArray<number | string>; readonly inputs?: undefined }

/** The description of an encoder whose features are `Width` wide. */
export type Encoder<Width extends number = number> = Inputs & {
  readonly name: string
  /** The path of the ONNX file. */
  readonly file: string
  /** The SHA-256 of the ONNX file. */
  readonly digest: Digest.Digest
  /** The SHA-256 of each file that holds weights of the model, by its path from the model's folder. */
  readonly data?: { readonly [path: string]: Digest.Digest }
  /** The output to take, where the model has several. */
  readonly output?: string
  readonly width: Width
}

/** The tensors of a sample, or of a batch: by input, or of the only one. */
export type Tensors = Tensor.Tensor | { readonly [input: string]: Tensor.Tensor }

/** An encoder ready to run. */
export interface OpenEncoder {
  /** The encoder's inputs, by the names that the model has. */
  readonly inputs: Ports.Ports
  /** Nodes that run on the processor though the runtime has another device. */
  readonly fallbacks: ReadonlyArray<Placement.Placement>
  /** Memory for batches, which are read where they lie until they are encoded; others may be copied. */
  readonly memory: Memory.Pool
  /** Features (n × width) of a batch of n samples (each tensor n × …input). */
  readonly encode: (batch: Tensors) => Effect.Effect<Tensor.Tensor<"float32">, EncoderError | BatchTooLarge>
}

/** The description of an encoder. */
export const make = <const Width extends number>(encoder: Encoder<Width>): Encoder<Width> => encoder

/** The identity of an encoder, which decides its features: the digests of its files, and the output that is taken. */
export const identity = ({ digest, data = {}, output }: Encoder): Digest.Digest =>
  Object.keys(data).length === 0 && output === undefined ? digest : Digest.ofJson([digest, data, output ?? null])

/**
 * The inputs that an encoder states, by name; the only one of a model, whose name its file alone tells, is called `own`.
 */
export const statedInputs = (encoder: Encoder, own = "input"): Ports.Ports =>
  encoder.inputs ?? { [own]: { dtype: "float32", shape: encoder.input } }

const failure = ({ file }: Encoder, problem: string, cause?: unknown) =>
  new EncoderError({ path: file, problem, ...(cause === undefined ? {} : { cause }) })

/** Holds a file to its digest. */
const verify = Effect.fnUntraced(function* (encoder: Encoder, file: string, expected: Digest.Digest) {
  const { name } = encoder
  const digest = yield* FileDigest.of(file).pipe(
    Effect.mapError((cause) => new EncoderError({ path: file, problem: `the encoder ${name} cannot be read`, cause }))
  )
  if (digest === expected) return
  const problem = `the file of encoder ${name} is damaged: SHA-256 ${Digest.short(digest)}…, not ${Digest.short(expected)}…`
  return yield* new EncoderError({ path: file, problem })
})

/**
 * Holds an encoder's files to their digests, and what its model declares to what the encoder states, without opening it;
 * gives its inputs by name.
 */
export const check = Effect.fn("Encoder.check")(function* (encoder: Encoder) {
  const path = yield* Path.Path
  const { name, file, digest, data = {}, output, width } = encoder
  yield* verify(encoder, file, digest)
  const declared = yield* ModelFile.read(file).pipe(
    Effect.mapError((cause) => {
      const { problem } = cause
      const told = problem.startsWith("this ") ? problem.slice("this ".length) : `cannot be used: ${problem}`
      return failure(encoder, `the encoder ${name} ${told}`, cause)
    })
  )
  for (const part of declared.external) {
    const at = path.join(path.dirname(file), part)
    const pinned = Object.hasOwn(data, part) ? data[part] : undefined
    if (pinned !== undefined) yield* verify(encoder, at, pinned)
    else {
      const found = yield* Effect.option(FileDigest.of(at))
      const which = found._tag === "Some" ? `: its SHA-256 is ${found.value}` : ", which is missing"
      return yield* failure(encoder, `weights of the encoder ${name} lie in ${part}; pin it in \`data\`${which}`)
    }
  }
  const inputs = statedInputs(encoder, declared.inputs[0]?.name)
  const problems = [
    ...Ports.differences(inputs, declared.inputs),
    ...Ports.outputDifferences(output, width, declared.outputs)
  ]
  if (problems.length > 0)
    return yield* failure(encoder, `the encoder ${name} is not as stated: ${problems.join("; ")}`)
  return { inputs, output: output ?? declared.outputs[0]!.name }
})

const isNamed = (tensors: Tensors): tensors is { readonly [input: string]: Tensor.Tensor } => !("dtype" in tensors)

/** Tensors by input. */
export const named = (inputs: Ports.Ports, tensors: Tensors): { readonly [input: string]: Tensor.Tensor } =>
  isNamed(tensors) ? tensors : { [Object.keys(inputs)[0]!]: tensors }

/** Nodes of the model that do not run on the runtime's device; told as a warning too. */
const fallbacksOf = Effect.fnUntraced(function* ({ name, file }: Encoder) {
  const { info, placements } = yield* EncoderRuntime
  const { provider } = info
  if (provider === "cpu") return []
  const found = yield* placements(file).pipe(Effect.catch((error) => Effect.as(Effect.logWarning(error.message), [])))
  const fallbacks = found.filter((placement) => placement.provider === "CPUExecutionProvider")
  for (const fallback of fallbacks) {
    yield* Effect.logWarning(
      `of the encoder ${name}, ${Placement.inWords(fallback)} run on the processor, not on ${provider}`
    )
  }
  return fallbacks
})

/** Opens an encoder; it is closed with the scope. */
export const open = Effect.fn("Encoder.open")(function* (encoder: Encoder, options: Opening = {}) {
  const { name, file, width } = encoder
  const runtime = yield* EncoderRuntime
  const { inputs, output } = yield* check(encoder)
  const session = yield* runtime
    .open(file, file, options)
    .pipe(Effect.mapError((cause) => failure(encoder, `the encoder ${name} cannot be used: ${cause.problem}`, cause)))
  const fallbacks = yield* fallbacksOf(encoder)
  const encode = Effect.fn("Encoder.encode")(function* (batch: Tensors) {
    const tensors = named(inputs, batch)
    const problem = Ports.misfit(inputs, tensors, true)
    if (problem !== undefined) return yield* failure(encoder, `the encoder ${name} cannot take a batch: ${problem}`)
    const count = Object.values(tensors)[0]?.shape[0] ?? 0
    const results = yield* session
      .run(tensors)
      .pipe(
        Effect.mapError((cause) =>
          isOutOfMemory(cause)
            ? new BatchTooLarge({ path: file, batch: count, cause })
            : failure(encoder, `the encoder ${name} failed on a batch of ${count}: ${cause.problem}`, cause)
        )
      )
    const features = results[output]
    if (features?.dtype !== "float32" || features.shape.join() !== `${count},${width}`) {
      const found = features === undefined ? "nothing" : `${features.dtype} [${features.shape.join(", ")}]`
      return yield* failure(encoder, `the encoder ${name} should give float32 [${count}, ${width}], and gave ${found}`)
    }
    return features as Tensor.Tensor<"float32">
  })
  const opened: OpenEncoder = { inputs, fallbacks, memory: session.memory, encode }
  return opened
})
