/** Ways in which a file comes to be another: bits flipped, parts cut off, put in, or exchanged. */
import { Keyed } from "@igm/tensor"

/** A file that was one once, how it was changed, and the first byte that may have changed. */
export interface Mutant {
  readonly kind: Kind
  readonly first: number
  readonly bytes: Uint8Array
}

const kinds = ["flip", "set", "cut", "insert", "remove", "swap"] as const
type Kind = (typeof kinds)[number] | "integer" | "operation"

/** Bytes that mean something to a length, a sign or an operation of a pickle. */
const TELLING = [0, 1, 0x28, 0x2e, 0x30, 0x52, 0x7f, 0x80, 0xff]

/** Changes bytes, at random but always in the same way for a stream. */
export const mutate = (bytes: Uint8Array, stream: Keyed.Stream): Mutant => {
  const kind = kinds[Keyed.below(stream, kinds.length)]!
  const at = Keyed.below(stream, bytes.length)
  const join = (...parts: ReadonlyArray<Uint8Array>) => Uint8Array.from(Buffer.concat(parts))
  switch (kind) {
    case "flip": {
      const flipped = Uint8Array.from(bytes)
      let first = at
      for (let i = Keyed.below(stream, 4); i >= 0; i--) {
        const other = i === 0 ? at : Keyed.below(stream, bytes.length)
        flipped[other]! ^= 1 << Keyed.below(stream, 8)
        first = Math.min(first, other)
      }
      return { kind, first, bytes: flipped }
    }
    case "set":
      return { kind, first: at, bytes: bytes.with(at, TELLING[Keyed.below(stream, TELLING.length)]!) }
    case "cut":
      return { kind, first: at, bytes: bytes.slice(0, at) }
    case "insert": {
      const more = Uint8Array.from({ length: 1 + Keyed.below(stream, 16) }, () => stream.uint32())
      return { kind, first: at, bytes: join(bytes.subarray(0, at), more, bytes.subarray(at)) }
    }
    case "remove": {
      const end = Math.min(bytes.length, at + 1 + Keyed.below(stream, 16))
      return { kind, first: at, bytes: join(bytes.subarray(0, at), bytes.subarray(end)) }
    }
    case "swap": {
      const length = Math.min(1 + Keyed.below(stream, 64), Math.floor((bytes.length - at) / 2))
      const [a, b, c] = [at, at + length, at + 2 * length]
      return {
        kind,
        first: at,
        bytes: join(bytes.subarray(0, a), bytes.subarray(b, c), bytes.subarray(a, b), bytes.subarray(c))
      }
    }
  }
}

/** The operations of a pickle of the test's assembler, each with its argument. */
const operations = (pickle: Uint8Array): Array<Uint8Array> => {
  const view = new DataView(pickle.buffer, pickle.byteOffset, pickle.byteLength)
  const parts: Array<Uint8Array> = []
  for (let at = 0; at < pickle.length;) {
    const code = pickle[at]
    const lines = () => pickle.indexOf(0x0a, pickle.indexOf(0x0a, at) + 1) + 1 - at
    const length =
      code === 0x58
        ? 5 + view.getUint32(at + 1, true)
        : code === 0x63
          ? lines()
          : code === 0x4a
            ? 5
            : code === 0x80
              ? 2
              : 1
    parts.push(pickle.slice(at, at + length))
    at += length
  }
  return parts
}

const INTEGERS = [-1, 0, 1, 2, 3, 6, 7, 100, 2 ** 20, 2 ** 31 - 1]

/** Changes a pickle by its operations: an integer is another, or an operation is left out, there twice, or elsewhere. */
export const mutatePickle = (pickle: Uint8Array, stream: Keyed.Stream): Mutant => {
  const parts = operations(pickle)
  const isInteger = Keyed.below(stream, 2) === 0
  const places = parts.flatMap((part, i) => ((isInteger ? part[0] === 0x4a : i > 0 && i < parts.length - 1) ? [i] : []))
  const at = places[Keyed.below(stream, places.length)]!
  const part = parts[at]!
  if (isInteger) new DataView(part.buffer).setInt32(1, INTEGERS[Keyed.below(stream, INTEGERS.length)]!, true)
  else {
    const action = Keyed.below(stream, 3)
    if (action !== 1) parts.splice(at, 1)
    if (action !== 0) parts.splice(places[Keyed.below(stream, places.length - 1)]!, 0, part)
  }
  return { kind: isInteger ? "integer" : "operation", first: 0, bytes: Uint8Array.from(Buffer.concat(parts)) }
}
