/**
 * The checkpoint of a training, as one safetensors file: every tensor of its cursor (weights, optimizer state, matrices
 * and moments, the best weights so far), and as metadata the rest of the cursor, the events so far, the digest of the
 * training, and a digest of everything. A checkpoint that is damaged, of another training, or of a newer version is
 * ignored: the training then starts again, which gives the same result.
 */
import type { Method } from "@igm/gradient"
import { Digest, Safetensors, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { createHash } from "node:crypto"
import * as Events from "./Events.ts"

/** The state of a training between two epochs, with its events and traces so far. */
export interface Checkpoint {
  readonly cursor: Method.Cursor
  readonly events: ReadonlyArray<Events.Event>
  /** The traces of the steps so far, by name. */
  readonly traces: { readonly [name: string]: Tensor.Tensor }
}

const FORMAT = "1"

/**
 * Converts a value to JSON: a tensor becomes `{ tensor: number }`, and a number that JSON lacks `{ number: string }`.
 */
const pack = (value: unknown, tensors: Map<object, string>): Digest.Json => {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0) ? value : { number: String(value === 0 ? "-0" : value) }
  if (Array.isArray(value)) return value.map((item) => pack(item, tensors))
  if (Tensor.isTensor(value)) {
    const name = tensors.get(value) ?? String(tensors.size)
    tensors.set(value, name)
    return { tensor: name }
  }
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined
  if (prototype !== Object.prototype) throw new TypeError(`a cursor holds what a checkpoint cannot: ${String(value)}`)
  const members = Object.entries(value as object).filter(([, member]) => member !== undefined)
  return { fields: Object.fromEntries(members.map(([key, member]) => [key, pack(member, tensors)])) }
}

type Packed =
  | null
  | boolean
  | string
  | number
  | ReadonlyArray<Packed>
  | { tensor?: string; number?: string; fields?: { [key: string]: Packed } }

const unpack = (value: Packed, tensors: { readonly [name: string]: Tensor.Tensor }): unknown => {
  if (value === null || typeof value !== "object") return value
  if (isList(value)) return value.map((item) => unpack(item, tensors))
  if (value.number !== undefined) return Number(value.number)
  if (value.tensor !== undefined) return tensors[value.tensor]
  return Object.fromEntries(Object.entries(value.fields ?? {}).map(([key, member]) => [key, unpack(member, tensors)]))
}

const isList = (value: Packed): value is ReadonlyArray<Packed> => Array.isArray(value)

const digestOf = (
  tensors: { readonly [name: string]: Tensor.Tensor },
  metadata: { readonly [key: string]: string }
): string => {
  const hash = createHash("sha256").update(Digest.canonicalJson(metadata))
  for (const name of Object.keys(tensors).toSorted()) {
    const { dtype, shape } = tensors[name]!
    hash.update(Digest.canonicalJson([name, dtype, shape])).update(Tensor.bytes(tensors[name]!))
  }
  return hash.digest("hex")
}

const TRACE = "trace."

/** Encodes a training's checkpoint as a file. */
export const encode = (training: Digest.Digest, { cursor, events, traces }: Checkpoint): Uint8Array => {
  const names = new Map<object, string>()
  const packed = JSON.stringify(pack(cursor, names))
  const tensors = {
    ...Object.fromEntries([...names].map(([tensor, name]) => [name, tensor as Tensor.Tensor])),
    ...Object.fromEntries(Object.entries(traces).map(([name, trace]) => [`${TRACE}${name}`, trace]))
  }
  const metadata = { format: FORMAT, training, cursor: packed, events: Events.encode(events) }
  return Safetensors.encode(tensors, { ...metadata, digest: digestOf(tensors, metadata) })
}

const Metadata = Schema.Struct({
  format: Schema.String,
  training: Schema.String,
  cursor: Schema.String,
  events: Schema.String,
  digest: Schema.String
})

/** Decodes a checkpoint, or describes why it is not one of this training. */
export const decode = (
  training: Digest.Digest,
  file: Uint8Array
): { readonly checkpoint: Checkpoint } | { readonly problem: string } => {
  const problem = (text: string) => ({ problem: text })
  try {
    const { tensors, metadata } = Safetensors.decode(file)
    if (metadata["format"] !== FORMAT) return problem(`it has format ${metadata["format"]}, not ${FORMAT}`)
    const { digest, ...rest } = Schema.decodeUnknownSync(Metadata)(metadata)
    if (digest !== digestOf(tensors, rest)) return problem("its digest is not that of its content")
    // Blanks of the header, and bytes behind the last tensor, are in no digest.
    if (Buffer.compare(Safetensors.encode(tensors, metadata), file) !== 0) return problem("it is not as it was written")
    if (rest.training !== training) return problem("it belongs to another training")
    const cursor = unpack(JSON.parse(rest.cursor) as Packed, tensors) as Method.Cursor
    const events = Events.lines(rest.events).map((line) => Events.decodeLine(line))
    const traces = Object.entries(tensors).flatMap(([name, trace]) =>
      name.startsWith(TRACE) ? [[name.slice(TRACE.length), trace] as const] : []
    )
    return { checkpoint: { cursor, events, traces: Object.fromEntries(traces) } }
  } catch (error) {
    return problem((error as Error).message)
  }
}
