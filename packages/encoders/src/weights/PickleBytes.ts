/** The bytes of a pickle, taken one after the other. Throws `EndsEarly` where there are none left. */
import { EndsEarly, malformed } from "./Malformed.ts"

/** The longest name of a module or of what is in it, in bytes. */
const MAX_LINE = 256
/** The longest integer, in bytes: the longest in torch's files has ten. */
const MAX_INTEGER = 16

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** A position in bytes, which moves on with all that is taken. */
export class PickleBytes {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
  }

  /** Throws unless there are `length` bytes more. */
  need(length: number): void {
    if (this.at + length > this.bytes.length) {
      throw new EndsEarly(`the pickle goes on beyond byte ${this.bytes.length}, where its bytes end: it was cut off`)
    }
  }

  /** Moves on by `length` bytes, and says where they begin. */
  skip(length: number): number {
    this.need(length)
    this.at += length
    return this.at - length
  }

  take(length: number): Uint8Array {
    const start = this.skip(length)
    return this.bytes.subarray(start, start + length)
  }

  uint8(): number {
    return this.view.getUint8(this.skip(1))
  }

  uint16(): number {
    return this.view.getUint16(this.skip(2), true)
  }

  int32(): number {
    return this.view.getInt32(this.skip(4), true)
  }

  uint32(): number {
    return this.view.getUint32(this.skip(4), true)
  }

  uint64(): number {
    return Number(this.view.getBigUint64(this.skip(8), true))
  }

  float64(): number {
    return this.view.getFloat64(this.skip(8), false)
  }

  /** UTF-8 of a given length. */
  text(length: number): string {
    const start = this.at
    const text = this.string(length)
    return typeof text === "string" ? text : malformed(`the text at byte ${start} of the pickle is not UTF-8`)
  }

  /** A string of Python 2, which may be text or any bytes. */
  string(length: number): string | Uint8Array {
    const bytes = this.take(length)
    try {
      return utf8.decode(bytes)
    } catch {
      return bytes
    }
  }

  /** The text up to the end of a line. */
  line(): string {
    const end = this.bytes.subarray(this.at, this.at + MAX_LINE).indexOf(0x0a)
    if (end < 0) this.need(MAX_LINE)
    if (end < 0) return malformed(`the name at byte ${this.at} of the pickle has more than ${MAX_LINE} bytes`)
    const text = this.text(end)
    this.skip(1)
    return text
  }

  /** A little-endian integer in two's complement, of a given length. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER) return malformed(`the integer at byte ${this.at} of the pickle has ${length} bytes`)
    const unsigned = this.take(length).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    const value = BigInt.asIntN(8 * length, unsigned)
    return BigInt.asIntN(53, value) === value ? Number(value) : value
  }
}
