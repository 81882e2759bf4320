/**
 * The inner loops of decoding, compiled to WebAssembly with SIMD from `wasm/kernels.ts`, where each is documented. They
 * give the same bits on every machine. Each thread instantiates the module once; its linear memory holds the inputs and
 * outputs of one call.
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

/**
 * The part of the global `WebAssembly` that is used here: TypeScript declares it in its library for browsers, and not
 * in Node's.
 */
const { WebAssembly } = globalThis as typeof globalThis & {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object
    readonly Instance: new (module: object) => { readonly exports: object }
  }
}

/** The compiled functions. Their integer arguments are counts and addresses (in bytes). */
export const kernels = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(new URL("./kernels.wasm", import.meta.url)))
).exports as Exports

/** Bytes of padding behind each region: vectorised loops may read or write that far beyond their data. */
const SLACK = 16

/** The number of bytes at the start of the memory that `hold` protects from being reused. */
let held = 0

const sizeOf = (bytes: number) => ((bytes + 15) & ~15) + SLACK

const reserve = (bytes: number): number => {
  const at = kernels.reserve(held + bytes)
  if (at === 0) throw new RangeError("there is not enough memory to decode this")
  return at + held
}

/** Reserves `bytes` bytes while `use` runs, which gets their address and may ask for `regions` beside them. */
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
 * Allocates regions of the given sizes in bytes and gives their addresses. They are valid until the next call, which
 * overwrites everything but what `hold` protects. Throws a `RangeError` if there is not enough memory.
 */
export const regions = <const B extends ReadonlyArray<number>>(...bytes: B): { readonly [I in keyof B]: number } => {
  const sizes = bytes.map(sizeOf)
  let at = reserve(sizes.reduce((a, b) => a + b, 0))
  return sizes.map((size) => (at += size) - size) as ReadonlyArray<number> as { readonly [I in keyof B]: number }
}

/** Copies an array of numbers to an address. */
export const put = (at: number, numbers: Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array): void =>
  bytes(at, numbers.byteLength).set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength))

/** A view of the bytes at an address, valid until memory is allocated again. */
export const bytes = (at: number, length: number): Uint8Array => new Uint8Array(kernels.memory.buffer, at, length)

/** A view of the 32-bit floats at an address, valid until memory is allocated again. */
export const floats = (at: number, length: number): Float32Array => new Float32Array(kernels.memory.buffer, at, length)
