/** An ONNX file taken as an encoder of which nothing is known yet: what it takes and gives, and its features. */
import type { Port as Declared } from "@igm/onnx"
import type { Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { EncoderError } from "../EncoderError.ts"
import { EncoderRuntime } from "../EncoderRuntime.ts"
import type { Port } from "./EncoderLock.ts"

/** A model that is open. */
export interface OpenModel {
  readonly inputs: { readonly [name: string]: Port }
  readonly output: string
  readonly width: number
  /** Features (n × width) of a batch. */
  readonly encode: (batch: {
    readonly [name: string]: Tensor.Tensor
  }) => Effect.Effect<Tensor.Tensor<"float32">, EncoderError>
}

const listed = (shape: ReadonlyArray<number | string>): string => `[${shape.map((d) => d || "?").join(", ")}]`

const batched = "the first axis has to be free, for batches: export it with a dynamic batch axis"

/** The port of one sample of an input, or why it cannot be taken. */
const portOf = ({ name, type, shape }: Declared): Port | string => {
  if (type !== "float32" && type !== "int64") return `its input ${name} is ${type}, and float32 or int64 can be given`
  if (typeof shape[0] !== "string") return `its input ${name} is ${listed(shape)}; ${batched}`
  return { dtype: type, shape: shape.slice(1).map((size, axis) => (size === "" ? `${name}-${axis + 1}` : size)) }
}

/** The width of an output, or why it cannot be taken. */
const widthOf = ({ name, type, shape }: Declared): number | string => {
  const [batch, width] = shape
  if (type !== "float32" || shape.length !== 2 || typeof width !== "number") {
    return `its output ${name} is ${type} ${listed(shape)}, and should be float32 [batch, width] with a fixed width`
  }
  return typeof batch === "string" ? width : `its output ${name} is ${listed(shape)}; ${batched}`
}

/**
 * Opens an ONNX file, with an output by name where it has several; it is closed with the scope. As nobody knows what it
 * does, it runs in a process of its own, which an interruption ends.
 */
export const open = Effect.fn("OpenModel.open")(function* (file: string, wanted?: string) {
  const fs = yield* FileSystem.FileSystem
  const runtime = yield* EncoderRuntime
  const fail = (problem: string, cause?: unknown) =>
    new EncoderError({ path: file, problem, ...(cause === undefined ? {} : { cause }) })
  yield* Effect.mapError(fs.access(file, { readable: true }), (cause) => fail("this file cannot be read", cause))
  const opening = runtime.open(file, file, { apart: "process" })
  const session = yield* Effect.mapError(opening, (cause) => fail(cause.problem, cause))

  const names = session.outputs.map(({ name }) => name).join(", ")
  const output = wanted === undefined ? session.outputs[0] : session.outputs.find(({ name }) => name === wanted)
  if (output === undefined) return yield* fail(`it has no output ${wanted ?? ""}, but ${names || "none"}`)
  if (wanted === undefined && session.outputs.length > 1) {
    return yield* fail(`it has several outputs (${names}): say which one is the features, with --output`)
  }
  const width = widthOf(output)
  if (typeof width === "string") return yield* fail(width)
  const inputs: Record<string, Port> = {}
  for (const declared of session.inputs) {
    const port = portOf(declared)
    if (typeof port === "string") return yield* fail(port)
    inputs[declared.name] = port
  }

  const encode = Effect.fn("OpenModel.encode")(function* (batch: { readonly [name: string]: Tensor.Tensor }) {
    const results = yield* Effect.mapError(session.run(batch), (cause) => fail(cause.problem, cause))
    return results[output.name] as Tensor.Tensor<"float32">
  })
  const opened: OpenModel = { inputs, output: output.name, width, encode }
  return opened
})
