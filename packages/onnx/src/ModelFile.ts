/**
 * What an ONNX file declares, read without its weights: inputs, outputs, and the other files that hold weights of it. Any
 * exporter's file will do. The reader walks over the protobuf messages and skips the bytes of tensors where they lie, so a
 * file of any size takes little memory.
 */
import { Effect } from "effect"
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { OnnxError } from "./OnnxError.ts"
import type { Port } from "./OnnxRuntime.ts"

/** What a file declares. */
export interface Declared {
  /** The inputs that a caller gives: initializers that are listed as inputs are not among them. */
  readonly inputs: ReadonlyArray<Port>
  readonly outputs: ReadonlyArray<Port>
  /** The files, by their paths from the model's folder, in which tensors of the model lie. */
  readonly external: ReadonlyArray<string>
}

/** The bytes of a file, `length` of them from `start` on; fewer than asked for at its end. */
export type Read = (start: number, length: number) => Uint8Array

/** Names of element types by their numbers in onnx.proto; a type that is not here has no name in JavaScript. */
const TYPES = [
  "undefined",
  ..."float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64".split(" ")
]

/** Messages in messages, at most: graphs in nodes of graphs. */
const DEPTH = 64

/** A field of a message: its number, and its bytes' place, or its value where it is a number. */
interface Field {
  readonly field: number
  readonly start: number
  readonly end: number
  readonly value: number
}

const WINDOW = 2 ** 16

/** Reads a message's fields, one after another, by a window of the file. */
const reader = (read: Read) => {
  let window: Uint8Array = new Uint8Array(0)
  let from = 0
  const byte = (at: number): number => {
    if (at < from || at >= from + window.length) {
      window = read(at, WINDOW)
      from = at
      if (window.length === 0) throw new Error(`it ends at byte ${at}, in the middle of a message`)
    }
    return window[at - from]!
  }
  /** A number of seven bits a byte, and the place behind it. */
  const varint = (start: number): readonly [value: number, end: number] => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const next = byte(start + i)
      value += (next & 0x7f) * 2 ** (7 * i)
      if (next < 0x80) return [value, start + i + 1]
    }
    throw new Error(`byte ${start} begins a number that does not end`)
  }
  const fields = function* (start: number, end: number): Generator<Field> {
    for (let at = start; at < end;) {
      const [tag, after] = varint(at)
      const field = Math.floor(tag / 8)
      if (field === 0) throw new Error(`byte ${at} begins no field`)
      let [value, next, from] = [0, after, after]
      switch (tag % 8) {
        case 0:
          ;[value, next] = varint(after)
          break
        case 1:
          next = after + 8
          break
        case 2: {
          const [length, body] = varint(after)
          from = body
          next = body + length
          break
        }
        case 5:
          next = after + 4
          break
        default:
          throw new Error(`byte ${at} begins a field of no known kind`)
      }
      if (next > end) throw new Error(`the field at byte ${at} would end at byte ${next}, after its message at ${end}`)
      yield { field, start: from, end: next, value }
      at = next
    }
  }
  const text = ({ start, end }: Field): string => {
    if (end - start > WINDOW) throw new Error(`the name at byte ${start} has ${end - start} bytes`)
    return new TextDecoder().decode(read(start, end - start))
  }
  return { fields, text }
}

/** What the bytes of a model declare. Throws where they are no protobuf message of that form. */
export const declared = (read: Read, size: number): Declared => {
  const { fields, text } = reader(read)
  const external = new Set<string>()

  const dimension = (at: Field): number | string => {
    let found: number | string = ""
    for (const field of fields(at.start, at.end)) {
      // Some exporters write −1 for a free size.
      if (field.field === 1) found = field.value < 2 ** 53 ? field.value : ""
      if (field.field === 2) found = text(field)
    }
    return found
  }
  /** A value's name, and its type where it is a tensor. */
  const port = (at: Field): Port => {
    let [name, type, shape]: [string, string, ReadonlyArray<number | string>] = ["", "not a tensor", []]
    for (const field of fields(at.start, at.end)) {
      if (field.field === 1) name = text(field)
      if (field.field !== 2) continue
      for (const kind of fields(field.start, field.end)) {
        if (kind.field !== 1) continue
        for (const part of fields(kind.start, kind.end)) {
          if (part.field === 1) type = TYPES[part.value] ?? `type ${part.value}`
          if (part.field === 2) shape = [...fields(part.start, part.end)].filter((d) => d.field === 1).map(dimension)
        }
      }
    }
    return { name, type, shape }
  }
  const tensor = (at: Field): string => {
    let name = ""
    for (const field of fields(at.start, at.end)) {
      if (field.field === 8) name = text(field)
      if (field.field !== 13) continue
      const [key, value] = [1, 2].map((part) => [...fields(field.start, field.end)].find((f) => f.field === part))
      if (key !== undefined && value !== undefined && text(key) === "location") external.add(text(value))
    }
    return name
  }
  const graph = (at: Field, depth: number): Omit<Declared, "external"> => {
    if (depth > DEPTH) throw new Error(`its graphs lie more than ${DEPTH} deep in each other`)
    const [inputs, outputs, stored]: [Array<Port>, Array<Port>, Set<string>] = [[], [], new Set()]
    for (const field of fields(at.start, at.end)) {
      if (field.field === 1) node(field, depth)
      if (field.field === 5) stored.add(tensor(field))
      if (field.field === 11) inputs.push(port(field))
      if (field.field === 12) outputs.push(port(field))
    }
    return { inputs: inputs.filter(({ name }) => !stored.has(name)), outputs }
  }
  const node = (at: Field, depth: number) => {
    for (const attribute of fields(at.start, at.end)) {
      if (attribute.field !== 5) continue
      for (const field of fields(attribute.start, attribute.end)) {
        if (field.field === 5 || field.field === 10) tensor(field)
        if (field.field === 6 || field.field === 11) graph(field, depth + 1)
      }
    }
  }

  const found = [...fields(0, size)].find(({ field }) => field === 7)
  if (found === undefined) throw new Error("it has no graph")
  return { ...graph(found, 0), external: [...external].toSorted() }
}

/** What the model in a file declares. */
export const read = Effect.fn("ModelFile.read")((path: string) =>
  Effect.try({
    try: () => {
      const file = openSync(path, "r")
      try {
        const { size } = fstatSync(file)
        const read: Read = (start, length) => {
          const bytes = new Uint8Array(Math.max(0, Math.min(length, size - start)))
          let done = 0
          for (let count = -1; done < bytes.length && count !== 0; done += count) {
            count = readSync(file, bytes, done, bytes.length - done, start + done)
          }
          return bytes.subarray(0, done)
        }
        return declared(read, size)
      } finally {
        closeSync(file)
      }
    },
    catch: (cause) =>
      new OnnxError({ model: path, problem: `this is not an ONNX model: ${(cause as Error).message}`, cause })
  })
)
