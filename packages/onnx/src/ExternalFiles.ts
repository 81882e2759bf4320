/**
 * Finds the external files that hold tensors of an ONNX model, wherever the format allows a tensor: initializers,
 * sparse ones, attributes of nodes in graphs, functions and training information. A model is pinned together with these
 * files, so none may be overlooked: every message that can lead to a tensor is read completely. A field that onnx.proto
 * does not define there, or that occurs twice where it may occur once (which protobuf would merge), is an error: no
 * exporter writes it, and weights could hide behind it.
 */
import { posix } from "node:path"
import type { Field, Place, ProtoReader } from "./ProtoReader.ts"

/** The fields of a message by their numbers. */
interface Message {
  /** The fields that occur at most once. */
  readonly once: ReadonlyArray<number>
  readonly often: ReadonlyArray<number>
  /** The fields of both kinds that are messages which can contain a tensor. */
  readonly inner: { readonly [field: number]: Name }
}

type Name = "model" | "training" | "function" | "graph" | "node" | "attribute" | "sparse tensor" | "tensor" | "entry"

/** The messages of onnx.proto (IR version 13) in which a tensor can be. */
const MESSAGES: { readonly [name in Name]: Message } = {
  model: {
    once: [1, 2, 3, 4, 5, 6, 7],
    often: [8, 14, 20, 25, 26],
    inner: { 7: "graph", 20: "training", 25: "function" }
  },
  training: { once: [1, 2], often: [3, 4], inner: { 1: "graph", 2: "graph" } },
  function: { once: [1, 8, 10, 13], often: [4, 5, 6, 7, 9, 11, 12, 14], inner: { 7: "node", 11: "attribute" } },
  graph: {
    once: [2, 10],
    often: [1, 5, 11, 12, 13, 14, 15, 16],
    inner: { 1: "node", 5: "tensor", 15: "sparse tensor" }
  },
  node: { once: [3, 4, 6, 7, 8], often: [1, 2, 5, 9, 10], inner: { 5: "attribute" } },
  attribute: {
    once: [1, 2, 3, 4, 5, 6, 13, 14, 20, 21, 22],
    often: [7, 8, 9, 10, 11, 15, 23],
    inner: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor" }
  },
  "sparse tensor": { once: [1, 2], often: [3], inner: { 1: "tensor", 2: "tensor" } },
  tensor: { once: [2, 3, 8, 9, 12, 14], often: [1, 4, 5, 6, 7, 10, 11, 13, 16], inner: { 13: "entry" } },
  entry: { once: [1, 2], often: [], inner: {} }
}

/** The external files of a model cannot be determined, or have paths that are not allowed. */
export class Unpinnable extends Error {
  override readonly name: string = "Unpinnable"
}

/** Throws `Unpinnable`. */
const unpinnable = (reason: string): never => {
  throw new Unpinnable(`its weights cannot be pinned: ${reason}`)
}

/** The largest depth of nested graphs. */
const DEPTH = 64

/** The name by which onnxruntime itself refers to memory instead of a file. */
const MEMORY = "_ORT_MEM_ADDR_"

/**
 * Describes why a path is not allowed for a tensor, if it is not. Paths are relative to the model's folder, and may not
 * leave it.
 */
const misplaced = (part: string): string | undefined => {
  // oxlint-disable-next-line no-control-regex
  if (part === "" || /[\0-\x1f\x7f]/.test(part) || part.includes(MEMORY)) {
    return `its weights lie in ${JSON.stringify(part)}, which is not the name of a file`
  }
  const leaves = posix.isAbsolute(part) || part.includes("\\") || /^[A-Za-z]:/.test(part)
  return leaves || posix.normalize(part).split("/")[0] === ".."
    ? `its weights lie in ${part}, which is not in the folder of the model`
    : undefined
}

/**
 * The paths, relative to the model's folder, of all files that hold tensors of the model. Throws `Unpinnable` if they
 * cannot be determined.
 */
export const of = ({ fields, text }: ProtoReader, model: Place): ReadonlyArray<string> => {
  const found = new Set<string>()

  /** Reads the location of a tensor's data from its key-value entries. */
  const locate = (entries: ReadonlyArray<Field>, at: number): void => {
    const keys = new Map<string, string>()
    for (const entry of entries) {
      const parts = [...fields(entry)]
      const [key, value] = [1, 2].map((number) => parts.find(({ field }) => field === number))
      if (key === undefined || value === undefined)
        return unpinnable(`the entry at byte ${entry.at} has no key or no value`)
      const name = text(key)
      if (keys.has(name)) unpinnable(`the tensor at byte ${at} has two entries ${JSON.stringify(name)}`)
      keys.set(name, name === "location" ? text(value) : "")
    }
    if (keys.size === 0) return
    const part = keys.get("location")
    if (part === undefined) return unpinnable(`the tensor at byte ${at} lies in a file that has no name`)
    const problem = misplaced(part)
    if (problem !== undefined) throw new Unpinnable(problem)
    found.add(part)
  }

  const visit = (name: Name, place: Place, at: number, depth: number): void => {
    if (depth > DEPTH) throw new Error(`its graphs lie more than ${DEPTH} deep in each other`)
    const { once, often, inner } = MESSAGES[name]
    const seen = new Set<number>()
    const entries: Array<Field> = []
    for (const field of fields(place)) {
      const number = field.field
      const what = () => `the field ${number} at byte ${field.at}, of the ${name} at byte ${at},`
      if (once.includes(number)) {
        if (seen.has(number)) unpinnable(`${what()} is there twice`)
        seen.add(number)
      } else if (!often.includes(number)) unpinnable(`${what()} is none that is known here`)
      const of = inner[number]
      if (of === undefined) continue
      if (!field.sized) unpinnable(`${what()} should be a message`)
      visit(of, field, field.at, of === "graph" ? depth + 1 : depth)
      if (of === "entry") entries.push(field)
    }
    if (name === "tensor") locate(entries, at)
  }

  visit("model", model, model.start, 0)
  return [...found].toSorted()
}
