/**
 * Reads the declarations of an ONNX file without its weights: inputs, outputs, and the external files that hold
 * weights. Files of any exporter are accepted. The bytes of tensors are skipped, so a file of any size takes little
 * memory.
 */
import { Effect } from "effect"
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import * as ExternalFiles from "./ExternalFiles.ts"
import { OnnxError } from "./OnnxError.ts"
import type { Port } from "./OnnxRuntime.ts"
import * as ProtoReader from "./ProtoReader.ts"
import type { Place } from "./ProtoReader.ts"

/** The declarations of a model file. */
export interface Declared {
  /** The inputs that a caller has to provide: initializers that are listed as inputs are not among them. */
  readonly inputs: ReadonlyArray<Port>
  readonly outputs: ReadonlyArray<Port>
  /** The external files with tensors of the model, by their paths relative to its folder. */
  readonly external: ReadonlyArray<string>
}

/** Names of element types by their numbers in onnx.proto; types without a JavaScript equivalent are missing. */
const TYPES = [
  "undefined",
  ..."float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64".split(" ")
]

/** Parses the declarations of a model. Throws if the bytes are not a valid model. */
export const declared = (read: ProtoReader.Read, size: number): Declared => {
  const reader = ProtoReader.make(read)
  const { fields, text } = reader
  const model = { start: 0, end: size }

  const dimension = (at: Place): number | string => {
    let found: number | string = ""
    for (const field of fields(at)) {
      // Some exporters write −1 for a free size.
      if (field.field === 1) found = field.value < 2 ** 53 ? field.value : ""
      if (field.field === 2) found = text(field)
    }
    return found
  }
  /** A value's name, and its type where it is a tensor. */
  const port = (at: Place): Port => {
    let [name, type, shape]: [string, string, ReadonlyArray<number | string>] = ["", "not a tensor", []]
    for (const field of fields(at)) {
      if (field.field === 1) name = text(field)
      if (field.field !== 2) continue
      for (const kind of fields(field)) {
        if (kind.field !== 1) continue
        for (const part of fields(kind)) {
          if (part.field === 1) type = TYPES[part.value] ?? `type ${part.value}`
          if (part.field === 2) shape = [...fields(part)].filter((d) => d.field === 1).map(dimension)
        }
      }
    }
    return { name, type, shape }
  }
  const nameOf = (tensor: Place): string => {
    for (const field of fields(tensor)) if (field.field === 8) return text(field)
    return ""
  }

  if (Buffer.from(read(4, 4)).toString("latin1") === "ORTM") {
    throw new Error("it is in onnxruntime's own format: take the .onnx file that it was made from")
  }
  const external = ExternalFiles.of(reader, model)
  const [inputs, outputs, stored]: [Array<Port>, Array<Port>, Set<string>] = [[], [], new Set()]
  const graph = [...fields(model)].find(({ field }) => field === 7)
  if (graph === undefined) throw new Error("it has no graph")
  for (const field of fields(graph)) {
    if (field.field === 5) stored.add(nameOf(field))
    // The values of a sparse tensor bear its name.
    if (field.field === 15) for (const part of fields(field)) if (part.field === 1) stored.add(nameOf(part))
    if (field.field === 11) inputs.push(port(field))
    if (field.field === 12) outputs.push(port(field))
  }
  return { inputs: inputs.filter(({ name }) => !stored.has(name)), outputs, external }
}

/** Reads a file in pieces, for as long as a function takes; throws what that, or the file system, throws. */
export const using = <A>(path: string, use: (read: ProtoReader.Read, size: number) => A): A => {
  const file = openSync(path, "r")
  try {
    const { size } = fstatSync(file)
    const read: ProtoReader.Read = (start, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - start)))
      let done = 0
      for (let count = -1; done < bytes.length && count !== 0; done += count) {
        count = readSync(file, bytes, done, bytes.length - done, start + done)
      }
      return bytes.subarray(0, done)
    }
    return use(read, size)
  } finally {
    closeSync(file)
  }
}

/** Reads the declarations of a model file. */
export const read = Effect.fn("ModelFile.read")((path: string) =>
  Effect.try({
    try: () => using(path, declared),
    catch: (cause) => {
      const { message } = cause as Error
      const problem = cause instanceof ExternalFiles.Unpinnable ? message : `this is not an ONNX model: ${message}`
      return new OnnxError({ model: path, problem, cause })
    }
  })
)
