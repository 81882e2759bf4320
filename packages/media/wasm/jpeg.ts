/**
 * The inner loops of `Jpeg.ts`: sequential JPEG files as ITU T.81 describes them, with the inverse cosine transform, the upsampling
 * and the colours of the Independent JPEG Group's library, in its arithmetic. `Jpeg.ts` says what lies where.
 */

/** Numbers of 32 bits for each component of a frame. */
const COMPONENT: usize = 7

/**
 * Numbers of 32 bits in a table of codes. By the next ten bits: of a code its value and, times 2⁸, its length; of a code with its number
 * the number times 2¹⁶, the length of both times 2⁸, and the run times 2⁴. By length of a code: the largest, the place of the first value, …
 */
const LARGEST: usize = 1024
const PLACE: usize = LARGEST + 18
const VALUES: usize = PLACE + 18

/** What a block's codes may take beyond the end of the data before it is noticed, and a little more. */
const PAD: usize = 320

/**
 * Copies entropy-coded bytes without what is stuffed between them, backwards from `to` on, since the first bits are the highest; after
 * each restart interval follow zeros. Says in `table` where each interval starts and where it ends, and gives their number, or 0
 * where something else than the end of the image follows, or there are more than `most`.
 */
export function intervals(from: usize, end: usize, to: usize, table: usize, most: i32): i32 {
  const full = i8x16.splat(-1)
  for (let count = 0; count < most; count++, table += 8) {
    store<i32>(table, i32(to))
    let marker = 0
    while (marker == 0) {
      while (from + 16 <= end) {
        const bytes = v128.load(from)
        if (v128.any_true(i8x16.eq(bytes, full))) break
        to -= 16
        v128.store(to, i8x16.shuffle(bytes, bytes, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0))
        from += 16
      }
      for (let left = 16; left > 0 && marker == 0; left--) {
        if (from + 2 > end) return 0
        const byte = load<u8>(from++)
        if (byte == 0xff) marker = load<u8>(from++)
        if (marker == 0) store<u8>(--to, byte)
      }
    }
    store<i32>(table, i32(to), 4)
    for (let pad: usize = 0; pad < PAD; pad += 16) {
      to -= 16
      v128.store(to, i64x2.splat(0))
    }
    if (marker == 0xd9) return count + 1
    if (marker != 0xd0 + (count & 7)) return 0
  }
  return 0
}

/**
 * Decodes a scan into the planes of its components: `across` and `down` units of blocks, with `restart` units to an interval.
 * Whether everything was as it should be: no unknown codes, and as many bits as were there.
 */
export function scan(
  table: usize,
  across: i32,
  down: i32,
  restart: i32,
  components: usize,
  count: i32,
  natural: usize,
  block: usize
): bool {
  let buffer: u64 = 0
  let bits: i32 = 0
  let at: usize = 0
  let end: usize = 0
  let left = 0
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      if (left == 0) {
        if (at != 0 && !isSpent(at, bits, end)) return false
        at = load<i32>(table)
        end = load<i32>(table, 4)
        table += 8
        bits = 0
        buffer = 0
        left = restart
        for (let c = 0; c < count; c++) store<i32>(components + ((usize(c) * COMPONENT) << 2), 0)
      }
      left--
      for (let c = 0; c < count; c++) {
        const component = components + ((usize(c) * COMPONENT) << 2)
        const shape = load<i32>(component, 4)
        const wide = shape & 15
        const high = shape >> 4
        const dc: usize = load<i32>(component, 8)
        const ac: usize = load<i32>(component, 12)
        const quantisation: usize = load<i32>(component, 16)
        const stride: usize = load<i32>(component, 24)
        const plane = usize(load<i32>(component, 20)) + usize(y * high) * 8 * stride + usize(x * wide) * 8
        for (let b = 0; b < wide * high; b++) {
          if (at + 8 < end) return false
          // At least 56 bits, of which a code and its number take 31.
          buffer |= load<u64>(at - 8) >> bits
          at -= usize((63 - bits) >> 3)
          bits |= 56
          let code = load<i32>(dc + (usize(buffer >> 54) << 2))
          if (code == 0) code = long(dc, buffer)
          if (code == 0) return false
          buffer <<= code >> 8
          bits -= code >> 8
          let size = code & 255
          let value = load<i32>(component)
          if (size != 0) {
            value += extended(i32(buffer >> (64 - size)), size)
            buffer <<= size
            bits -= size
          }
          store<i32>(component, value)
          const to = plane + usize(b / wide) * 8 * stride + usize(b % wide) * 8
          let last = 0
          for (let k = 1; k < 64; k++) {
            // At least 56 bits, of which a code and its number take 31.
            buffer |= load<u64>(at - 8) >> bits
            at -= usize((63 - bits) >> 3)
            bits |= 56
            code = load<i32>(ac + (usize(buffer >> 54) << 2))
            const number = code >> 16
            if (number != 0) {
              buffer <<= (code >> 8) & 15
              bits -= (code >> 8) & 15
              k += (code >> 4) & 15
              if (k > 63) return false
              if (last == 0) zero(block)
              last = k
              store<i16>(block + (usize(load<u8>(natural + k)) << 1), i16(number))
              continue
            }
            if (code == 0) code = long(ac, buffer)
            if (code == 0) return false
            buffer <<= code >> 8
            bits -= code >> 8
            size = code & 15
            k += (code >> 4) & 15
            if (size == 0) {
              if ((code & 255) == 0xf0) continue
              break
            }
            if (k > 63) return false
            if (last == 0) zero(block)
            last = k
            store<i16>(block + (usize(load<u8>(natural + k)) << 1), i16(extended(i32(buffer >> (64 - size)), size)))
            buffer <<= size
            bits -= size
          }
          const mean = value * i32(load<i16>(quantisation))
          if (mean > MOST || mean < -MOST) return false
          if (last == 0) {
            flat(mean, to, stride)
          } else {
            store<i16>(block, i16(value))
            if (!scaled(block, quantisation)) return false
            transform(block, last > 9, to, stride)
          }
        }
      }
    }
  }
  return isSpent(at, bits, end)
}

function zero(block: usize): void {
  for (let i: usize = 0; i < 128; i += 16) v128.store(block + i, i64x2.splat(0))
}

/**
 * The largest sum of magnitudes of a column: those of its transform are then at most 4 · 1.39 · 2900, and no sum of two leaves 16 bits,
 * as none does in blocks of pictures. Where one does, libraries differ.
 */
const MOST: i32 = 2900

/** The numbers of a block times their steps; whether their magnitudes are as they should be. */
function scaled(block: usize, quantisation: usize): bool {
  let sums = i16x8.splat(0)
  let large = sums
  for (let i: usize = 0; i < 128; i += 16) {
    const numbers = v128.load(block + i)
    const steps = v128.load(quantisation + i)
    const products = i16x8.mul(numbers, steps)
    v128.store(block + i, products)
    sums = i16x8.add_sat_s(sums, i16x8.abs(products))
    // Not 0 where a product is 2¹⁴ or more.
    large = v128.or(large, i16x8.q15mulr_sat_s(numbers, steps))
  }
  return !v128.any_true(v128.or(large, i16x8.gt_s(sums, i16x8.splat(i16(MOST)))))
}

/** Whether what was read of an interval ends in its last byte. */
function isSpent(at: usize, bits: i32, end: usize): bool {
  const rest = i32(at - end) * 8 + bits
  return rest >= 0 && rest < 8
}

/** The length and value of a code of more than ten bits, or 0. */
function long(table: usize, buffer: u64): i32 {
  for (let length = 11; length <= 16; length++) {
    const code = i32(buffer >> (64 - length))
    if (code > load<i32>(table + ((LARGEST + length) << 2))) continue
    const place = code + load<i32>(table + ((PLACE + length) << 2))
    return (length << 8) | load<i32>(table + ((VALUES + (place & 255)) << 2))
  }
  return 0
}

/** The number that so many bits stand for. */
function extended(value: i32, size: i32): i32 {
  return value + (((value - (1 << (size - 1))) >> 31) & (1 - (1 << size)))
}

/** A block of one value. */
function flat(value: i32, to: usize, stride: usize): void {
  const pixels = i8x16.splat(i8(max(0, min(255, ((value + 4) >> 3) + 128))))
  for (let y = 0; y < 8; y++, to += stride) v128.store64_lane(to, pixels, 0)
}

/** Constants of the transform with 13 fractional bits, as pairs that are multiplied and added. */
function pair(a: i16, b: i16): v128 {
  return i32x4.splat((i32(b) << 16) | (i32(a) & 0xffff))
}

function low(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
}

function high(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
}

/** Rows 0 … 7 of a block, 16 bytes each. */
function row(block: usize, i: usize): v128 {
  return v128.load(block + (i << 4))
}

/**
 * The inverse cosine transform of Loeffler, Ligtenberg and Moschytz, of columns and then of rows, in 16 and 32 bits.
 */
function transform(block: usize, isWide: bool, to: usize, stride: usize): void {
  pass(block, 11, isWide)
  pass(block, 18, true)
  const middle = i8x16.splat(-128)
  for (let y: usize = 0; y < 8; y += 2, to += 2 * stride) {
    const two = v128.xor(i8x16.narrow_i16x8_s(row(block, y), row(block, y + 1)), middle)
    v128.store64_lane(to, two, 0)
    v128.store64_lane(to + stride, two, 1)
  }
}

/** One pass over all columns, of which the last four may be zero (the numbers of a block up to the tenth), whose results lose so many bits, and become rows. */
function pass(block: usize, shift: i32, isWide: bool): void {
  const in0 = row(block, 0)
  const in1 = row(block, 1)
  const in2 = row(block, 2)
  const in3 = row(block, 3)
  const in4 = row(block, 4)
  const in5 = row(block, 5)
  const in6 = row(block, 6)
  const in7 = row(block, 7)
  const sum = i16x8.add(in0, in4)
  const difference = i16x8.sub(in0, in4)
  const z3 = i16x8.add(in7, in3)
  const z4 = i16x8.add(in5, in1)
  half(
    low(in2, in6),
    i32x4.extend_low_i16x8_s(sum),
    i32x4.extend_low_i16x8_s(difference),
    low(z3, z4),
    low(in7, in1),
    low(in5, in3),
    shift,
    block + 128
  )
  if (isWide) {
    half(
      high(in2, in6),
      i32x4.extend_high_i16x8_s(sum),
      i32x4.extend_high_i16x8_s(difference),
      high(z3, z4),
      high(in7, in1),
      high(in5, in3),
      shift,
      block + 256
    )
  } else {
    for (let i: usize = 256; i < 384; i += 16) v128.store(block + i, i64x2.splat(0))
  }
  const r0 = narrowed(block, 0)
  const r1 = narrowed(block, 1)
  const r2 = narrowed(block, 2)
  const r3 = narrowed(block, 3)
  const r4 = narrowed(block, 4)
  const r5 = narrowed(block, 5)
  const r6 = narrowed(block, 6)
  const r7 = narrowed(block, 7)
  const a0 = low(r0, r4)
  const a1 = high(r0, r4)
  const a2 = low(r1, r5)
  const a3 = high(r1, r5)
  const a4 = low(r2, r6)
  const a5 = high(r2, r6)
  const a6 = low(r3, r7)
  const a7 = high(r3, r7)
  const b0 = low(a0, a4)
  const b1 = high(a0, a4)
  const b2 = low(a1, a5)
  const b3 = high(a1, a5)
  const b4 = low(a2, a6)
  const b5 = high(a2, a6)
  const b6 = low(a3, a7)
  const b7 = high(a3, a7)
  v128.store(block, low(b0, b4))
  v128.store(block, high(b0, b4), 16)
  v128.store(block, low(b1, b5), 32)
  v128.store(block, high(b1, b5), 48)
  v128.store(block, low(b2, b6), 64)
  v128.store(block, high(b2, b6), 80)
  v128.store(block, low(b3, b7), 96)
  v128.store(block, high(b3, b7), 112)
}

/** A row of which `half` made both halves, in 16 bits. */
function narrowed(block: usize, i: usize): v128 {
  return i16x8.narrow_i32x4_s(v128.load(block + 128 + (i << 4)), v128.load(block + 256 + (i << 4)))
}

/** Four columns: of the pairs of inputs 2 and 6, 7 and 3 with 5 and 1, 7 and 1, 5 and 3, and the sum and difference of 0 and 4. */
function half(even: v128, sum: v128, difference: v128, z: v128, outer: v128, inner: v128, shift: i32, to: usize): void {
  const tmp3 = i32x4.dot_i16x8_s(even, pair(10703, 4433))
  const tmp2 = i32x4.dot_i16x8_s(even, pair(4433, -10704))
  const tmp0 = i32x4.shl(sum, 13)
  const tmp1 = i32x4.shl(difference, 13)
  const z3 = i32x4.dot_i16x8_s(z, pair(-6436, 9633))
  const z4 = i32x4.dot_i16x8_s(z, pair(9633, 6437))
  const odd0 = i32x4.add(i32x4.dot_i16x8_s(outer, pair(-4927, -7373)), z3)
  const odd3 = i32x4.add(i32x4.dot_i16x8_s(outer, pair(-7373, 4926)), z4)
  const odd1 = i32x4.add(i32x4.dot_i16x8_s(inner, pair(-4176, -20995)), z4)
  const odd2 = i32x4.add(i32x4.dot_i16x8_s(inner, pair(-20995, 4177)), z3)
  const round = i32x4.splat(1 << (shift - 1))
  const out0 = i32x4.add(i32x4.add(tmp0, tmp3), round)
  const out3 = i32x4.add(i32x4.sub(tmp0, tmp3), round)
  const out1 = i32x4.add(i32x4.add(tmp1, tmp2), round)
  const out2 = i32x4.add(i32x4.sub(tmp1, tmp2), round)
  v128.store(to, i32x4.shr_s(i32x4.add(out0, odd3), shift))
  v128.store(to, i32x4.shr_s(i32x4.add(out1, odd2), shift), 16)
  v128.store(to, i32x4.shr_s(i32x4.add(out2, odd1), shift), 32)
  v128.store(to, i32x4.shr_s(i32x4.add(out3, odd0), shift), 48)
  v128.store(to, i32x4.shr_s(i32x4.sub(out3, odd0), shift), 64)
  v128.store(to, i32x4.shr_s(i32x4.sub(out2, odd1), shift), 80)
  v128.store(to, i32x4.shr_s(i32x4.sub(out1, odd2), shift), 96)
  v128.store(to, i32x4.shr_s(i32x4.sub(out0, odd3), shift), 112)
}

/**
 * The pixels of an image from the planes of its components, of which those of colour have one sample for `wide` × `high` of
 * brightness. Up to 45 bytes more are written. `sums`, `blue` and `red` have room for rows.
 */
export function painted(
  components: usize,
  count: i32,
  wide: i32,
  high: i32,
  width: i32,
  height: i32,
  sums: usize,
  blue: usize,
  red: usize,
  to: usize
): void {
  const half = (width + wide - 1) / wide
  const rows = (height + high - 1) / high
  const cb = components + (COMPONENT << 2)
  const cr = cb + (COMPONENT << 2)
  for (let y = 0; y < height; y++, to += 3 * width) {
    const brightness = line(components, y)
    if (count == 1) {
      grey(brightness, width, to)
      continue
    }
    const near = y / high
    if (wide == 1) {
      coloured(brightness, line(cb, near), line(cr, near), width, to)
      continue
    }
    const next = max(0, min(rows - 1, near + ((y & 1) << 1) - 1))
    widened(line(cb, near), high == 1 ? 0 : line(cb, next), half, sums, blue)
    widened(line(cr, near), high == 1 ? 0 : line(cr, next), half, sums, red)
    coloured(brightness, blue, red, width, to)
  }
}

/** A row of the plane of a component. */
function line(component: usize, y: i32): usize {
  return usize(load<i32>(component, 20)) + usize(y) * usize(load<i32>(component, 24))
}

/**
 * A row of samples at twice its width, between which they are interpolated by a triangle: of the row, or of three parts of it
 * and one of the row next to it if `other` is not 0. `sums` has room for 16-bit numbers.
 */
function widened(near: usize, other: usize, width: i32, sums: usize, to: usize): void {
  const three = i16x8.splat(3)
  for (let x = 0; x < width; x += 8) {
    let sum = v128.load_ext<u8>(near + x)
    if (other != 0) sum = i16x8.add(i16x8.mul(sum, three), v128.load_ext<u8>(other + x))
    v128.store(sums + 16 + (usize(x) << 1), sum)
  }
  store<i16>(sums, load<i16>(sums, 16), 14)
  store<i16>(sums + 16 + (usize(width) << 1), load<i16>(sums + 14 + (usize(width) << 1)))
  const bits = other != 0 ? 4 : 2
  const even = i16x8.splat(other != 0 ? 8 : 1)
  const odd = i16x8.splat(other != 0 ? 7 : 2)
  for (let x = 0; x < width; x += 8, sums += 16, to += 16) {
    const thrice = i16x8.mul(v128.load(sums, 16), three)
    const left = i16x8.shr_u(i16x8.add(i16x8.add(thrice, v128.load(sums, 14)), even), bits)
    const right = i16x8.shr_u(i16x8.add(i16x8.add(thrice, v128.load(sums, 18)), odd), bits)
    v128.store(to, v128.or(left, i16x8.shl(right, 8)))
  }
}

/** Pixels of red, green and blue of a row of brightness and of both differences of colour; up to 45 bytes more are written. */
function coloured(brightness: usize, blue: usize, red: usize, width: i32, to: usize): void {
  for (let x = 0; x < width; x += 16, to += 48) {
    const y = v128.load(brightness + x)
    const cb = v128.load(blue + x)
    const cr = v128.load(red + x)
    const y0 = i16x8.extend_low_i8x16_u(y)
    const y1 = i16x8.extend_high_i8x16_u(y)
    const middle = i16x8.splat(128)
    const cb0 = i16x8.sub(i16x8.extend_low_i8x16_u(cb), middle)
    const cb1 = i16x8.sub(i16x8.extend_high_i8x16_u(cb), middle)
    const cr0 = i16x8.sub(i16x8.extend_low_i8x16_u(cr), middle)
    const cr1 = i16x8.sub(i16x8.extend_high_i8x16_u(cr), middle)
    // 1.402 = 1 + 26345/65536, 1.772 = 2 − 14942/65536, 0.71414 = 1 − 18734/65536, 0.34414 = 22554/65536
    const r = i8x16.narrow_i16x8_u(
      i16x8.add(i16x8.add(y0, cr0), part(cr0, cb0, pair(26345, 0))),
      i16x8.add(i16x8.add(y1, cr1), part(cr1, cb1, pair(26345, 0)))
    )
    const g = i8x16.narrow_i16x8_u(
      i16x8.add(i16x8.sub(y0, cr0), part(cr0, cb0, pair(18734, -22554))),
      i16x8.add(i16x8.sub(y1, cr1), part(cr1, cb1, pair(18734, -22554)))
    )
    const b = i8x16.narrow_i16x8_u(
      i16x8.add(i16x8.add(y0, i16x8.shl(cb0, 1)), part(cr0, cb0, pair(0, -14942))),
      i16x8.add(i16x8.add(y1, i16x8.shl(cb1, 1)), part(cr1, cb1, pair(0, -14942)))
    )
    interleaved(r, g, b, to)
  }
}

/** Parts of both differences of colour in 65536ths, rounded. */
function part(cr: v128, cb: v128, factors: v128): v128 {
  const half = i32x4.splat(32768)
  return i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(low(cr, cb), factors), half), 16),
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(high(cr, cb), factors), half), 16)
  )
}

/** Pixels of a row of brightness, thrice each. */
function grey(brightness: usize, width: i32, to: usize): void {
  for (let x = 0; x < width; x += 16, to += 48) {
    const y = v128.load(brightness + x)
    interleaved(y, y, y, to)
  }
}

/** Sixteen pixels of three channels. */
function interleaved(r: v128, g: v128, b: v128, to: usize): void {
  const rg0 = i8x16.shuffle(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5)
  const rg1 = i8x16.shuffle(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26)
  const rg2 = i8x16.shuffle(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0)
  v128.store(to, i8x16.shuffle(rg0, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15))
  v128.store(to, i8x16.shuffle(rg1, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16)
  v128.store(to, i8x16.shuffle(rg2, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32)
}
