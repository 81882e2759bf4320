/**
 * The inner loops of decoding, compiled to WebAssembly with SIMD from `wasm/kernels.ts`, which says what each does. They
 * are the same bits on every machine. Each thread has its module, whose memory holds what one call reads and writes.
 */
import { readFileSync } from "node:fs"

type Kernel<Result> = (...numbers: ReadonlyArray<number>) => Result

interface Exports extends Readonly<Record<Loop, Kernel<void>>> {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly reserve: Kernel<number>
  readonly fft32: Kernel<number>
  readonly fft64: Kernel<number>
  readonly intervals: Kernel<number>
  readonly scan: Kernel<number>
}

type Loop =
  | "alongRows"
  | "alongColumns"
  | "looked"
  | "between"
  | "mixed"
  | "everyPhase"
  | "somePhases"
  | "gather32"
  | "gather64"
  | "scatter"
  | "clip"
  | "fractions"
  | "painted"
  | "times"
  | "magnitudes"
  | "logarithms"

/** What TypeScript's library for browsers says of it, and the one for Node does not. */
const { WebAssembly } = globalThis as typeof globalThis & {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object
    readonly Instance: new (module: object) => { readonly exports: object }
  }
}

/** The functions; the numbers that they take are counts and, in bytes, addresses. */
export const kernels = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(new URL("./kernels.wasm", import.meta.url)))
).exports as Exports

/** What loops may read or write beyond their data. */
const SLACK = 16

/** Bytes that are held. */
let held = 0

const sizeOf = (bytes: number) => ((bytes + 15) & ~15) + SLACK

const reserve = (bytes: number): number => {
  const at = kernels.reserve(held + bytes)
  if (at === 0) throw new RangeError("there is not enough memory to decode this")
  return at + held
}

/** Holds so many bytes while a function runs, which is told their address and may ask for regions. */
export const hold = <A>(bytes: number, use: (at: number) => A): A => {
  const [at, before] = [reserve(sizeOf(bytes)), held]
  held += sizeOf(bytes)
  try {
    return use(at)
  } finally {
    held = before
  }
}

/**
 * Addresses of so many regions of so many bytes, until the next call; what was there before is lost, unless it is held. Throws
 * a `RangeError` where there is not enough memory.
 */
export const regions = <const B extends ReadonlyArray<number>>(...bytes: B): { readonly [I in keyof B]: number } => {
  const sizes = bytes.map(sizeOf)
  let at = reserve(sizes.reduce((a, b) => a + b, 0))
  return sizes.map((size) => (at += size) - size) as ReadonlyArray<number> as { readonly [I in keyof B]: number }
}

/** Copies numbers to an address. */
export const put = (at: number, numbers: Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array): void =>
  bytes(at, numbers.byteLength).set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength))

/** The bytes at an address, until memory is asked for again. */
export const bytes = (at: number, length: number): Uint8Array => new Uint8Array(kernels.memory.buffer, at, length)

/** The floats at an address, until memory is asked for again. */
export const floats = (at: number, length: number): Float32Array => new Float32Array(kernels.memory.buffer, at, length)
