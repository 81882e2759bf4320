/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * A stream is named by a path such as `[seed, "mixup", epoch, step]`; its n-th number is a pure function of the path
 * and n, so there is no generator state to save and order of use does not matter.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import { canonicalJson } from "./Digest.ts"

/** The name of a stream. */
export type Path = ReadonlyArray<string | number>

/** A stream of random numbers. Reading advances it; making it again from its path starts it anew. */
export interface Stream {
  /** The next 32 bits, as an unsigned integer. */
  readonly uint32: () => number
  /** The next number in [0, 1), with 53 random bits. */
  readonly uniform: () => number
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers, from 16-bit halves. */
const mulHi = (a: number, b: number): number => {
  const ah = a >>> 16
  const al = a & 0xffff
  const bh = b >>> 16
  const bl = b & 0xffff
  const low = Math.imul(al, bl) >>> 0
  const middle = (Math.imul(ah, bl) >>> 0) + (low >>> 16)
  const other = (Math.imul(al, bh) >>> 0) + (middle & 0xffff)
  return (Math.imul(ah, bh) + Math.floor(middle / 65536) + (other >>> 16)) >>> 0
}

/** Fills `out` with one block of Philox4x32 with 10 rounds: four 32-bit words from a 128-bit counter and a 64-bit key. */
export const philox = (out: Uint32Array, counter: Uint32Array, key: Uint32Array): void => {
  let c0 = counter[0]!
  let c1 = counter[1]!
  let c2 = counter[2]!
  let c3 = counter[3]!
  let k0 = key[0]!
  let k1 = key[1]!
  for (let round = 0; round < 10; round++) {
    const high0 = mulHi(0xd2511f53, c0)
    const low0 = Math.imul(0xd2511f53, c0) >>> 0
    const high1 = mulHi(0xcd9e8d57, c2)
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** Derives the key (64 bits) and the upper half of the counter of a stream from the SHA-256 of its path. */
const start = (path: Path) => {
  const hash = new DataView(sha256(utf8ToBytes(canonicalJson([...path]))).buffer)
  return {
    key: Uint32Array.of(hash.getUint32(0), hash.getUint32(4)),
    counter: Uint32Array.of(0, 0, hash.getUint32(8), hash.getUint32(12))
  }
}

/** A number in [0, 1) of 53 bits from two words. */
const uniformOf = (high: number, low: number): number => ((high >>> 5) * 67108864 + (low >>> 6)) / 9007199254740992

/** Makes the stream that a path names. */
export const stream = (path: Path): Stream => {
  const { key, counter } = start(path)
  const block = new Uint32Array(4)
  let used = 4
  const uint32 = () => {
    if (used === 4) {
      philox(block, counter, key)
      used = 0
      counter[0]!++
      if (counter[0] === 0) counter[1]!++
    }
    return block[used++]!
  }
  return { uint32, uniform: () => uniformOf(uint32(), uint32()) }
}

/** The numbers in [0, 1) that a path names, by their position 0, 1, …: any of them at the cost of one. */
export const sequence = (path: Path): ((position: number) => number) => {
  const { key, counter } = start(path)
  const block = new Uint32Array(4)
  return (position) => {
    counter[0] = position % 2 ** 32
    counter[1] = Math.floor(position / 2 ** 32)
    philox(block, counter, key)
    return uniformOf(block[0]!, block[1]!)
  }
}

/** A number in [min, max). */
export const between = (stream: Stream, min: number, max: number): number => min + (max - min) * stream.uniform()

/** An integer in [0, n), without bias. */
export const below = (stream: Stream, n: number): number => {
  const limit = Math.floor(2 ** 32 / n) * n
  for (;;) {
    const word = stream.uint32()
    if (word < limit) return word % n
  }
}

/** A standard normal number (Box–Muller, one of the pair). */
export const normal = (stream: Stream): number =>
  Math.sqrt(-2 * Math.log(1 - stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform())

/** n standard normal numbers (Box–Muller, both of each pair). */
export const normals = (stream: Stream, n: number): Float64Array => {
  const out = new Float64Array(n)
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - stream.uniform()))
    const angle = 2 * Math.PI * stream.uniform()
    out[i] = radius * Math.cos(angle)
    if (i + 1 < n) out[i + 1] = radius * Math.sin(angle)
  }
  return out
}

/** A uniform permutation of 0 … n − 1 (Fisher–Yates). */
export const permutation = (stream: Stream, n: number): Int32Array => {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = below(stream, i + 1)
    const swap = order[i]!
    order[i] = order[j]!
    order[j] = swap
  }
  return order
}

/** A Gamma(shape, 1) number (Marsaglia and Tsang 2000; boosted below shape 1). */
export const gamma = (stream: Stream, shape: number): number => {
  if (shape < 1) return gamma(stream, shape + 1) * (1 - stream.uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(stream)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - stream.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/** A Beta(α, β) number, as mixup draws it. */
export const beta = (stream: Stream, alpha: number, betaParameter: number): number => {
  const a = gamma(stream, alpha)
  const b = gamma(stream, betaParameter)
  // Both are too small for a number where α and β are: then one of the ends is drawn.
  if (a + b === 0) return stream.uniform() * (alpha + betaParameter) < alpha ? 1 : 0
  return a / (a + b)
}
