/**
 * A streaming reader of protobuf messages: it reads a window of bytes at a time, yields the fields of a message one
 * after another and skips the others, so that a file of any size takes little memory.
 */

/** Reads `length` bytes of a file from offset `start`; fewer at its end. */
export type Read = (start: number, length: number) => Uint8Array

/** The range of bytes of a message. */
export interface Place {
  readonly start: number
  readonly end: number
}

/** A field of a message: its number, and the range of its bytes, or its value if it is numeric. */
export interface Field extends Place {
  readonly field: number
  /** The offset of the field, including its tag. */
  readonly at: number
  /** True for a length-delimited field, such as a string or a message. */
  readonly sized: boolean
  readonly value: number
}

const WINDOW = 2 ** 16

/**
 * The largest number of fields that are read of a file: a graph has some ten for each node, but a malicious file could
 * have as many as bytes.
 */
const MAX_FIELDS = 10_000_000

/** A reader of fields and strings. Throws if the bytes are not a valid message. */
export interface ProtoReader {
  readonly fields: (place: Place) => Generator<Field>
  readonly text: (field: Field) => string
}

/** The numbers of a packed field. */
export const varints = (bytes: Uint8Array): ReadonlyArray<number> => {
  const found: Array<number> = []
  let [value, scale] = [0, 1]
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte >= 0x80) continue
    found.push(value)
    ;[value, scale] = [0, 1]
  }
  return found
}

/** A reader of a file. */
export const make = (read: Read): ProtoReader => {
  // What is not UTF-8 would be another name than the one that the runtime sees.
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
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
  /** Reads a varint, and returns it with the offset after it. */
  const varint = (start: number): readonly [value: number, end: number] => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const next = byte(start + i)
      value += (next & 0x7f) * 2 ** (7 * i)
      if (next < 0x80) return [value, start + i + 1]
    }
    throw new Error(`byte ${start} begins a number that does not end`)
  }
  let count = 0
  const fields = function* ({ start, end }: Place): Generator<Field> {
    for (let at = start; at < end;) {
      if (++count > MAX_FIELDS) throw new Error(`it has more than ${MAX_FIELDS} fields`)
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
      yield { field, at, sized: tag % 8 === 2, start: from, end: next, value }
      at = next
    }
  }
  const text = ({ at, sized, start, end }: Field): string => {
    if (!sized) throw new Error(`the field at byte ${at} should be a text`)
    if (end - start > WINDOW) throw new Error(`the name at byte ${start} has ${end - start} bytes`)
    try {
      return utf8.decode(read(start, end - start))
    } catch {
      throw new Error(`the name at byte ${start} is not UTF-8`)
    }
  }
  return { fields, text }
}
