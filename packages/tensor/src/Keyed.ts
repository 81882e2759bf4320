/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * A stream is named by a path such as `[seed, "mixup", epoch, step]`; its n-th number is a pure function of the path
 * and n, so there is no generator state to save and order of use does not matter.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import { canonicalJson } from "./Digest.ts"

/** What names a stream. */
export type Path = ReadonlyArray<string | number>

/** A stream of random numbers. Reading advances it; making it again from its path starts it anew. */
export interface Stream {
  /** The next 32 bits, as an unsigned integer. */
  readonly uint32: () => number
  /** The next number in [0, 1), with 53 random bits. */
  readonly uniform: () => number
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
const mulHi = (a: number, b: number): number => {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const upper = ah * bl + Math.floor((al * bl) / 65536)
  const lower = al * bh + (upper % 65536)
  return (ah * bh + Math.floor(upper / 65536) + Math.floor(lower / 65536)) >>> 0
}

type Words4 = readonly [number, number, number, number]

/** One block of Philox4x32 with 10 rounds: four 32-bit words from a 128-bit counter and a 64-bit key. */
export const philox = (counter: Words4, key: readonly [number, number]): Words4 => {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const [hi0, lo0] = [mulHi(0xd2511f53, c0), Math.imul(0xd2511f53, c0) >>> 0]
    const [hi1, lo1] = [mulHi(0xcd9e8d57, c2), Math.imul(0xcd9e8d57, c2) >>> 0]
    ;[c0, c1, c2, c3] = [(hi1 ^ c1 ^ k0) >>> 0, lo1, (hi0 ^ c3 ^ k1) >>> 0, lo0]
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** The stream that a path names. The path's SHA-256 gives the key (64 bits) and the upper half of the counter. */
export const stream = (path: Path): Stream => {
  const hash = new DataView(sha256(utf8ToBytes(canonicalJson([...path]))).buffer)
  const key = [hash.getUint32(0), hash.getUint32(4)] as const
  const [upper0, upper1] = [hash.getUint32(8), hash.getUint32(12)]
  let block: Words4 = [0, 0, 0, 0]
  let used = 4
  let count = 0
  const uint32 = () => {
    if (used === 4) {
      block = philox([count >>> 0, Math.floor(count / 2 ** 32), upper0, upper1], key)
      used = 0
      count++
    }
    return block[used++]!
  }
  return { uint32, uniform: () => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992 }
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
  return a / (a + b)
}
