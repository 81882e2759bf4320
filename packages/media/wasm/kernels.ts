/**
 * The inner loops of decoding in AssemblyScript, for `src/kernels.wasm`: `npm run kernels` compiles them, and a test
 * holds the compiled file to this source. SIMD of WebAssembly gives the same bits on every machine.
 *
 * Everything lies in the module's memory, at addresses that are given in bytes. Some loops read or write up to 15 bytes
 * beyond what they are told of, which has to be free; those that reach further say so.
 */

/** The fractional bits of a resize's weights, and a half in them. */
const BITS: i32 = 22
const HALF: i32 = 1 << 21

/** Makes room for so many bytes from the first free one on, whose address it gives. */
export function reserve(bytes: usize): usize {
  const pages = i32((__heap_base + bytes + 0xffff) >> 16) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return 0
  return __heap_base
}

/** Four sums of 32 bits, rounded (halves up) and clipped to 0 … 255, in the low four bytes. */
function clipped(sums: v128): v128 {
  const shifted = i32x4.shr_s(sums, BITS)
  const narrow = i16x8.narrow_i32x4_s(shifted, shifted)
  return i8x16.narrow_i16x8_u(narrow, narrow)
}

/** The first three of four bytes of a sum's pixel. */
function put(to: usize, sums: v128): void {
  const bytes = clipped(sums)
  v128.store16_lane(to, bytes, 0)
  v128.store8_lane(to, bytes, 2, 2)
}

/**
 * Rows of pixels resized along themselves. Pixel x of `width` is the sum of twice `pairs` pixels from `starts[x]` on by the
 * weights from `x pairs` on: for each pair of pixels both weights over 2¹², and both remainders, in 16 bits each. A row of
 * the source is `stride` bytes. Up to 6 `pairs` bytes beyond the last row are read, with no weight: there has to be memory.
 */
export function alongRows(
  from: usize,
  stride: usize,
  rows: i32,
  channels: i32,
  starts: usize,
  weights: usize,
  pairs: i32,
  width: i32,
  to: usize
): void {
  if (channels == 1) return alongGrey(from, stride, rows, starts, weights, pairs, width, to)
  const line = usize(3 * width)
  // Of two pixels next to each other, each channel's numbers in 16 bits.
  const channel = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
  for (let y = 0; y < rows; y += 2, from += 2 * stride, to += 2 * line) {
    // Two rows at a time, of which the second is the first one again where there is no other.
    const next: usize = y + 1 < rows ? stride : 0
    const below: usize = y + 1 < rows ? line : 0
    for (let x = 0; x < width; x++) {
      let weight = weights + ((x * pairs) << 3)
      let at = from + load<i32>(starts + (x << 2)) * 3
      let a = i32x4.splat(0)
      let b = i32x4.splat(HALF)
      let c = a
      let d = b
      for (let t = 0; t < pairs; t++, at += 6, weight += 8) {
        const large = v128.load32_splat(weight)
        const small = v128.load32_splat(weight, 4)
        const one = i8x16.swizzle(v128.load64_zero(at), channel)
        const two = i8x16.swizzle(v128.load64_zero(at + next), channel)
        a = i32x4.add(a, i32x4.dot_i16x8_s(one, large))
        b = i32x4.add(b, i32x4.dot_i16x8_s(one, small))
        c = i32x4.add(c, i32x4.dot_i16x8_s(two, large))
        d = i32x4.add(d, i32x4.dot_i16x8_s(two, small))
      }
      put(to + 3 * x, i32x4.add(i32x4.shl(a, 12), b))
      put(to + below + 3 * x, i32x4.add(i32x4.shl(c, 12), d))
    }
  }
}

/** The same of one channel. */
function alongGrey(
  from: usize,
  stride: usize,
  rows: i32,
  starts: usize,
  weights: usize,
  pairs: i32,
  width: i32,
  to: usize
): void {
  for (let y = 0; y < rows; y++, from += stride) {
    for (let x = 0; x < width; x++, to++) {
      let weight = weights + ((x * pairs) << 3)
      let at = from + load<i32>(starts + (x << 2))
      let sum = HALF
      for (let t = 0; t < pairs; t++, at += 2, weight += 8) {
        sum += i32(load<u8>(at)) * ((i32(load<i16>(weight)) << 12) + load<i16>(weight, 4))
        sum += i32(load<u8>(at, 1)) * ((i32(load<i16>(weight, 2)) << 12) + load<i16>(weight, 6))
      }
      store<u8>(to, u8(max(0, min(255, sum >> BITS))))
    }
  }
}

/**
 * Rows of `bytes` numbers resized across: number y of `rows` is the sum of `counts[y]` rows from `starts[y]` on by the weights from
 * `y taps` on.
 */
export function alongColumns(
  from: usize,
  bytes: i32,
  starts: usize,
  counts: usize,
  weights: usize,
  taps: i32,
  rows: i32,
  to: usize
): void {
  for (let y = 0; y < rows; y++, to += bytes, weights += usize(taps) << 2) {
    const first = from + usize(load<i32>(starts + (y << 2))) * usize(bytes)
    acrossRows(first, bytes, load<i32>(counts + (y << 2)), weights, bytes, to)
  }
}

/** One row of `bytes` numbers: the sum of `count` rows, `stride` bytes from one to the next, by their weights. */
function acrossRows(from: usize, stride: usize, count: i32, weights: usize, bytes: i32, to: usize): void {
  for (let x = 0; x < bytes; x += 16, from += 16) {
    let a = i32x4.splat(HALF)
    let b = a
    let c = a
    let d = a
    let at = from
    for (let t = 0; t < count; t++, at += stride) {
      const weight = v128.load32_splat(weights + (t << 2))
      const row = v128.load(at)
      const low = i16x8.extend_low_i8x16_u(row)
      const high = i16x8.extend_high_i8x16_u(row)
      a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight))
      b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight))
      c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight))
      d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight))
    }
    const low = i16x8.narrow_i32x4_s(i32x4.shr_s(a, BITS), i32x4.shr_s(b, BITS))
    const high = i16x8.narrow_i32x4_s(i32x4.shr_s(c, BITS), i32x4.shr_s(d, BITS))
    v128.store(to + x, i8x16.narrow_i16x8_u(low, high))
  }
}

/**
 * One channel of pixels in rows as 32-bit floats, by a table of 256: from `from`, every `step` bytes, which may be negative
 * where rows are mirrored; a row's first number is `stride` bytes after the last row's. Up to nine bytes more are read on the side
 * to which the steps go, and written nowhere.
 */
export function looked(from: usize, step: i32, stride: usize, rows: i32, width: i32, table: usize, to: usize): void {
  for (let y = 0; y < rows; y++, from += stride) {
    let at = from
    for (let x = 0; x < width; x += 4, at += 4 * step, to += 16) {
      let four = v128.load32_zero(table + (usize(load<u8>(at)) << 2))
      four = v128.load32_lane(table + (usize(load<u8>(at + step)) << 2), four, 1)
      four = v128.load32_lane(table + (usize(load<u8>(at + 2 * step)) << 2), four, 2)
      four = v128.load32_lane(table + (usize(load<u8>(at + 3 * step)) << 2), four, 3)
      v128.store(to, four)
    }
    to -= (((width + 3) & ~3) - width) << 2
  }
}

/**
 * A row of pixels between those of a frame, times 128, channel after channel: of 2048 parts, `weights[2 i]` of the pixel at
 * `first[i]` and `weights[2 i + 1]` of that at `second[i]`.
 */
export function between(
  from: usize,
  channels: i32,
  first: usize,
  second: usize,
  weights: usize,
  width: i32,
  to: usize
): void {
  for (let x = 0; x < width; x++) {
    const a = load<i32>(weights + (x << 3))
    const b = load<i32>(weights + (x << 3), 4)
    const p = from + load<i32>(first + (x << 2)) * channels
    const q = from + load<i32>(second + (x << 2)) * channels
    for (let c = 0; c < channels; c++) {
      const value = (i32(load<u8>(p + c)) * a + i32(load<u8>(q + c)) * b) >> 4
      store<i32>(to + ((x + c * width) << 2), value)
    }
  }
}

/** A row of one channel between two that `between` made, as 32-bit floats by a table of 256. */
export function mixed(upper: usize, lower: usize, a: i32, b: i32, width: i32, table: usize, to: usize): void {
  const above = i32x4.splat(a)
  const below = i32x4.splat(b)
  const two = i32x4.splat(2)
  for (let x = 0; x < width; x += 4, upper += 16, lower += 16, to += 16) {
    const sums = i32x4.add(
      i32x4.shr_s(i32x4.mul(above, v128.load(upper)), 16),
      i32x4.shr_s(i32x4.mul(below, v128.load(lower)), 16)
    )
    const rounded = i32x4.shr_s(i32x4.add(sums, two), 2)
    // What lies beyond a row's end is no index.
    const values = i32x4.shl(i32x4.min_s(i32x4.max_s(rounded, i32x4.splat(0)), i32x4.splat(255)), 2)
    store<f32>(to, load<f32>(table + i32x4.extract_lane(values, 0)))
    store<f32>(to, load<f32>(table + i32x4.extract_lane(values, 1)), 4)
    store<f32>(to, load<f32>(table + i32x4.extract_lane(values, 2)), 8)
    store<f32>(to, load<f32>(table + i32x4.extract_lane(values, 3)), 12)
  }
}

function total(sums: v128): f32 {
  return (
    f32x4.extract_lane(sums, 0) +
    f32x4.extract_lane(sums, 2) +
    (f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 3))
  )
}

/**
 * Sound at another rate by a table that has every phase: of outputs 0 … count, number j is the dot product of `taps` samples
 * (a multiple of four) from ⌊j from / to⌋ on and of row (j from) mod to of the table. Outputs of one row are made together.
 */
export function everyPhase(
  samples: usize,
  table: usize,
  taps: i32,
  stepFrom: i32,
  stepTo: i32,
  count: i32,
  to: usize
): void {
  const ahead = usize(stepFrom) << 2
  const bytes = usize(taps) << 2
  for (let r = 0; r < min(stepTo, count); r++) {
    const place = r * stepFrom
    const row = table + usize(place % stepTo) * bytes
    let from = samples + (usize(place / stepTo) << 2)
    let j = r
    for (; j + 3 * stepTo < count; j += 4 * stepTo, from += 4 * ahead) {
      let a = f32x4.splat(0)
      let b = a
      let c = a
      let d = a
      for (let k: usize = 0; k < bytes; k += 16) {
        const weight = v128.load(row + k)
        const at = from + k
        a = f32x4.add(a, f32x4.mul(weight, v128.load(at)))
        b = f32x4.add(b, f32x4.mul(weight, v128.load(at + ahead)))
        c = f32x4.add(c, f32x4.mul(weight, v128.load(at + 2 * ahead)))
        d = f32x4.add(d, f32x4.mul(weight, v128.load(at + 3 * ahead)))
      }
      store<f32>(to + (usize(j) << 2), total(a))
      store<f32>(to + (usize(j + stepTo) << 2), total(b))
      store<f32>(to + (usize(j + 2 * stepTo) << 2), total(c))
      store<f32>(to + (usize(j + 3 * stepTo) << 2), total(d))
    }
    for (; j < count; j += stepTo, from += ahead) {
      let a = f32x4.splat(0)
      for (let k: usize = 0; k < bytes; k += 16) a = f32x4.add(a, f32x4.mul(v128.load(row + k), v128.load(from + k)))
      store<f32>(to + (usize(j) << 2), total(a))
    }
  }
}

/** The same by a table of fewer phases, between two rows of which each output is interpolated. */
export function somePhases(
  samples: usize,
  table: usize,
  taps: i32,
  phases: i32,
  stepFrom: i32,
  stepTo: i32,
  count: i32,
  to: usize
): void {
  const bytes = usize(taps) << 2
  for (let j = 0; j < count; j++) {
    const place = i64(j) * stepFrom
    const phase = (f64(place % stepTo) / stepTo) * phases
    const first = i32(phase)
    const row = table + usize(first) * bytes
    const from = samples + (usize(place / stepTo) << 2)
    let a = f32x4.splat(0)
    let b = a
    for (let k: usize = 0; k < bytes; k += 16) {
      const at = v128.load(from + k)
      a = f32x4.add(a, f32x4.mul(v128.load(row + k), at))
      b = f32x4.add(b, f32x4.mul(v128.load(row + bytes + k), at))
    }
    const value = total(a)
    store<f32>(to + (usize(j) << 2), f32(f64(value) + (phase - first) * (f64(total(b)) - f64(value))))
  }
}

/**
 * `n` numbers, a multiple of four, of each of eight pieces of a sound, each `hop` after the one before. The first four become the
 * real parts, and the others the imaginary parts, of as many signals of complex numbers, which lie side by side: at each i,
 * first their real parts and then their imaginary parts.
 */
export function gather32(samples: usize, hop: i32, n: i32, to: usize): void {
  const apart = usize(hop) << 2
  for (let i = 0; i < n; i += 4, samples += 16, to += 128) {
    transposed(samples, apart, to, 32)
    transposed(samples + 4 * apart, apart, to + 16, 32)
  }
}

/** The transpose of four rows of four floats, so many bytes from one to the next. */
function transposed(from: usize, apart: usize, to: usize, step: usize): void {
  const a = v128.load(from)
  const b = v128.load(from + apart)
  const c = v128.load(from + 2 * apart)
  const d = v128.load(from + 3 * apart)
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const above = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const below = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2))
  v128.store(to + step, v128.shuffle<f64>(ab, cd, 1, 3))
  v128.store(to + 2 * step, v128.shuffle<f64>(above, below, 0, 2))
  v128.store(to + 3 * step, v128.shuffle<f64>(above, below, 1, 3))
}

/** The same of four pieces in double precision, as two signals, times a window; `n` is even. */
export function gather64(samples: usize, hop: i32, window: usize, n: i32, to: usize): void {
  const apart = usize(hop) << 2
  for (let i = 0; i < n; i += 2, samples += 8, window += 16, to += 64) {
    const weights = v128.load(window)
    weighed(samples, apart, weights, to)
    weighed(samples + 2 * apart, apart, weights, to + 16)
  }
}

/** Two numbers each of two pieces, times weights, as two pairs. */
function weighed(from: usize, apart: usize, weights: v128, to: usize): void {
  const a = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from)), weights)
  const b = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from + apart)), weights)
  v128.store(to, v128.shuffle<f64>(a, b, 0, 2))
  v128.store(to + 32, v128.shuffle<f64>(a, b, 1, 3))
}

/** The last `hop` of `n` numbers of each of eight such pieces, one piece after the other. */
export function scatter(from: usize, n: i32, hop: i32, to: usize): void {
  const apart = usize(hop) << 2
  from += usize(n - hop) << 5
  for (let piece = 0; piece < 8; piece += 4, from += 16, to += 4 * apart) {
    let at = from
    let out = to
    for (let i = 0; i < (hop & ~3); i += 4, at += 128, out += 16) transposed(at, 32, out, apart)
    for (let i = hop & ~3; i < hop; i++, at += 32, out += 4) {
      for (let b = 0; b < 4; b++) store<f32>(out + usize(b) * apart, load<f32>(at + (usize(b) << 2)))
    }
  }
}

/** Numbers of 16 bits as parts of 32768. */
export function fractions(from: usize, count: i32, to: usize): void {
  const unit = f32x4.splat(1.0 / 32768)
  for (let i = 0; i < count; i += 4, from += 8, to += 16) {
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(v128.load_ext<i16>(from)), unit))
  }
}

/** Numbers clipped to ±1. */
export function clip(at: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let i = 0; i < count; i += 4, at += 16) {
    v128.store(at, f32x4.max(f32x4.neg(one), f32x4.min(one, v128.load(at))))
  }
}

/**
 * The Fourier transform Σ_i x[i] e^(−2πi ik/n) of such signals, whose parts are `re` and `im` bytes into each number (16 and 0
 * instead of 0 and 16 for the inverse, times n), for n a power of two, by Stockham's algorithm of radix 4. The table has
 * cos and −sin of 2π k/n as numbers T. x and y are used in turns; the one that has the result is given.
 */
function fft<T>(x: usize, y: usize, n: i32, table: usize, re: usize, im: usize): usize {
  let stride = 1
  let length = n
  for (; length >= 4; length >>= 2, stride <<= 2) {
    const quarter = length >> 2
    const apart = usize(stride * quarter) << 5
    for (let p = 0; p < quarter; p++) {
      const one = table + usize(p * stride) * 2 * sizeof<T>()
      const two = table + usize(2 * p * stride) * 2 * sizeof<T>()
      const three = table + usize(3 * p * stride) * 2 * sizeof<T>()
      const c1 = v128.load_splat<T>(one)
      const s1 = v128.load_splat<T>(one + sizeof<T>())
      const c2 = v128.load_splat<T>(two)
      const s2 = v128.load_splat<T>(two + sizeof<T>())
      const c3 = v128.load_splat<T>(three)
      const s3 = v128.load_splat<T>(three + sizeof<T>())
      const isOne = p == 0
      let from = x + (usize(stride * p) << 5)
      let to = y + (usize(stride * 4 * p) << 5)
      const next = usize(stride) << 5
      for (let q = 0; q < stride; q++, from += 32, to += 32) {
        const ar = v128.load(from + re)
        const ai = v128.load(from + im)
        const br = v128.load(from + apart + re)
        const bi = v128.load(from + apart + im)
        const cr = v128.load(from + 2 * apart + re)
        const ci = v128.load(from + 2 * apart + im)
        const dr = v128.load(from + 3 * apart + re)
        const di = v128.load(from + 3 * apart + im)
        const pr = v128.add<T>(ar, cr)
        const pi = v128.add<T>(ai, ci)
        const mr = v128.sub<T>(ar, cr)
        const mi = v128.sub<T>(ai, ci)
        const qr = v128.add<T>(br, dr)
        const qi = v128.add<T>(bi, di)
        // i (b − d)
        const jr = v128.sub<T>(di, bi)
        const ji = v128.sub<T>(br, dr)
        v128.store(to + re, v128.add<T>(pr, qr))
        v128.store(to + im, v128.add<T>(pi, qi))
        turned<T>(v128.sub<T>(mr, jr), v128.sub<T>(mi, ji), c1, s1, isOne, to + next, re, im)
        turned<T>(v128.sub<T>(pr, qr), v128.sub<T>(pi, qi), c2, s2, isOne, to + 2 * next, re, im)
        turned<T>(v128.add<T>(mr, jr), v128.add<T>(mi, ji), c3, s3, isOne, to + 3 * next, re, im)
      }
    }
    const other = x
    x = y
    y = other
  }
  if (length == 1) return x
  for (let q = 0; q < stride; q++) {
    const a = x + (usize(q) << 5)
    const b = a + (usize(stride) << 5)
    const to = y + (usize(q) << 5)
    const ar = v128.load(a)
    const ai = v128.load(a, 16)
    const br = v128.load(b)
    const bi = v128.load(b, 16)
    v128.store(to, v128.add<T>(ar, br))
    v128.store(to, v128.add<T>(ai, bi), 16)
    v128.store(to + (usize(stride) << 5), v128.sub<T>(ar, br))
    v128.store(to + (usize(stride) << 5), v128.sub<T>(ai, bi), 16)
  }
  return y
}

export function fft32(x: usize, y: usize, n: i32, table: usize, re: usize, im: usize): usize {
  return fft<f32>(x, y, n, table, re, im)
}

export function fft64(x: usize, y: usize, n: i32, table: usize, re: usize, im: usize): usize {
  return fft<f64>(x, y, n, table, re, im)
}

/** Stores complex numbers times c + i s, which may be known to be one. */
function turned<T>(r: v128, i: v128, c: v128, s: v128, isOne: bool, to: usize, re: usize, im: usize): void {
  if (isOne) {
    v128.store(to + re, r)
    v128.store(to + im, i)
  } else {
    v128.store(to + re, v128.sub<T>(v128.mul<T>(r, c), v128.mul<T>(i, s)))
    v128.store(to + im, v128.add<T>(v128.mul<T>(r, s), v128.mul<T>(i, c)))
  }
}

/** Four signals of n complex numbers, again and again as often as it takes, times one of m, number for number. */
export function times(x: usize, n: i32, by: usize, m: i32, to: usize): void {
  for (let i = 0; i < m; i++, by += 8, to += 32) {
    const at = x + (usize(i & (n - 1)) << 5)
    turned<f32>(v128.load(at), v128.load(at, 16), v128.load32_splat(by), v128.load32_splat(by, 4), false, to, 0, 16)
  }
}

/**
 * Of the transform of two pairs of real signals in double precision, as `gather64` puts them, the magnitudes of frequencies 0 … n / 2
 * of all four as 32-bit floats; those of a frequency lie side by side, and `stride` bytes after those of the one before.
 */
export function magnitudes(x: usize, n: i32, stride: usize, to: usize): void {
  for (let k = 0; k <= n >> 1; k++, to += stride) {
    const at = x + (usize(k) << 5)
    const mirror = x + (usize((n - k) & (n - 1)) << 5)
    const ar = v128.load(at)
    const ai = v128.load(at, 16)
    const br = v128.load(mirror)
    const bi = v128.load(mirror, 16)
    v128.store64_lane(to, half(f64x2.add(ar, br), f64x2.sub(ai, bi)), 0)
    v128.store64_lane(to, half(f64x2.add(ai, bi), f64x2.sub(br, ar)), 0, 8)
  }
}

/** Half of √(a² + b²) of two numbers, as floats. */
function half(a: v128, b: v128): v128 {
  const squares = f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b))
  return f32x4.demote_f64x2_zero(f64x2.mul(f64x2.sqrt(squares), f64x2.splat(0.5)))
}

/**
 * log(x + floor) of numbers of which the sum is a normal float: with x = 2^e m, √½ ≤ m < √2 and s = (m − 1) / (m + 1), it is
 * e log 2 + 2 (s + s³/3 + s⁵/5 + …), within two units in the last place.
 */
export function logarithms(at: usize, count: i32, floor: f32): void {
  const half = f32x4.splat(f32(Math.SQRT1_2))
  const one = f32x4.splat(1)
  for (let i = 0; i < count; i += 4, at += 16) {
    const x = f32x4.add(v128.load(at), f32x4.splat(floor))
    const shifted = i32x4.sub(x, half)
    const e = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23))
    const m = i32x4.add(v128.and(shifted, i32x4.splat(0x7fffff)), half)
    const s = f32x4.div(f32x4.sub(m, one), f32x4.add(m, one))
    const z = f32x4.mul(s, s)
    let series = f32x4.splat(2 / 9)
    series = f32x4.add(f32x4.mul(series, z), f32x4.splat(2 / 7))
    series = f32x4.add(f32x4.mul(series, z), f32x4.splat(2 / 5))
    series = f32x4.add(f32x4.mul(series, z), f32x4.splat(2 / 3))
    // log 2 in two parts, of which the first times e is exact.
    const small = f32x4.add(f32x4.mul(f32x4.mul(s, z), series), f32x4.mul(e, f32x4.splat(-2.1219444e-4)))
    v128.store(at, f32x4.add(f32x4.mul(e, f32x4.splat(0.693359375)), f32x4.add(f32x4.add(s, s), small)))
  }
}
export * from "./jpeg"
