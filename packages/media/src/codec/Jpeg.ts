/**
 * Decodes the most common kind of JPEG with `Kernels`: 8 bits, sequential, Huffman-coded, a single scan; grey, or YCbCr
 * with 4:4:4, 4:2:2 or 4:2:0 subsampling. The pixels are bit for bit those of libjpeg-turbo as PIL uses it (the
 * accurate integer DCT, and triangle-filter chroma upsampling).
 *
 * This is only a fast path: files of other kinds, damaged or merely unusual ones are left to a library, which decodes
 * them or reports the error. Sources: ITU T.81 and the JPEG File Interchange Format.
 */
import { Memory } from "@igm/tensor"
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"

/** RGB pixels, row by row, in the memory of `Kernels`. */
export interface Held {
  readonly width: number
  readonly height: number
  readonly at: number
}

/** The longest side, in pixels, that JPEG libraries accept. */
const LONGEST = 65_500

/** The maximal number of pixels, since larger images would need much memory at a time. */
const MOST_PIXELS = 1 << 22

const MARKERS = { APP0: 0xe0, APP14: 0xee, DHT: 0xc4, DQT: 0xdb, DRI: 0xdd, SOF0: 0xc0, SOF1: 0xc1, SOS: 0xda } as const

/** Tells if a segment is irrelevant to the pixels: an application segment or a comment. */
const isRemark = (marker: number) => (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe

/** The zigzag order: the position in the 8 × 8 block of each coefficient, in the order of the file. */
const NATURAL = Uint8Array.from({ length: 64 }, (_, i) => i).toSorted((a, b) => {
  const [row, other] = [a >> 3, b >> 3]
  const diagonal = row + (a & 7)
  return diagonal - other - (b & 7) || (diagonal % 2 === 0 ? other - row : row - other)
})

interface Component {
  readonly id: number
  readonly across: number
  readonly down: number
  readonly quantisation: number
}

/** The headers before the data of a scan. */
interface Head {
  readonly width: number
  readonly height: number
  readonly components: ReadonlyArray<Component>
  /** The Huffman tables of each component. */
  readonly codes: ReadonlyArray<readonly [dc: Int32Array, ac: Int32Array]>
  readonly quantisations: ReadonlyArray<Int16Array>
  /** The number of minimum coded units between restart markers, or 0. */
  readonly restart: number
  /** The offset of the scan's data. */
  readonly start: number
}

const [BITS, LARGEST, PLACE, VALUES] = [10, 1024, 1042, 1060]

/** Builds the Huffman decoding table for `Kernels` from the number of codes of each length and their values. */
const tableOf = (counts: Uint8Array, values: Uint8Array, isAc: boolean): Int32Array | undefined => {
  if (!isAc && values.some((value) => value > 15)) return undefined
  const table = new Int32Array(VALUES + 256).fill(-1, LARGEST, PLACE)
  let [code, place] = [0, 0]
  for (let length = 1; length <= 16; length++, code <<= 1) {
    const count = counts[length - 1]!
    // No code is all ones.
    if (code + count >= 1 << length) return undefined
    table[PLACE + length] = place - code
    for (let i = 0; i < count; i++, code++, place++) {
      const entry = (length << 8) | values[place]!
      table[VALUES + place] = values[place]!
      if (length <= BITS) table.fill(entry, code << (BITS - length), (code + 1) << (BITS - length))
    }
    if (count > 0) table[LARGEST + length] = code - 1
  }
  if (isAc) shorten(table)
  return table
}

/**
 * Extends the lookup table: where a code and its coefficient's bits fit into one lookup together, the entry holds the
 * coefficient, the total length and the run of zeros.
 */
const shorten = (table: Int32Array): void => {
  for (let i = 0; i < 1 << BITS; i++) {
    const [length, run, size] = [table[i]! >> 8, (table[i]! >> 4) & 15, table[i]! & 15]
    if (size === 0 || length + size > BITS) continue
    const bits = (i >> (BITS - length - size)) & ((1 << size) - 1)
    const value = bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits
    table[i] = (value << 16) | ((length + size) << 8) | (run << 4)
  }
}

/** Parses the headers; undefined if the file is not of the supported kind. */
const headOf = (file: Uint8Array): Head | undefined => {
  const word = (at: number) => (file[at]! << 8) | file[at + 1]!
  if (word(0) !== 0xffd8) return undefined
  const tables = new Map<number, Int32Array>()
  const quantisations = new Map<number, Int16Array>()
  let frame: Pick<Head, "width" | "height" | "components"> | undefined
  let restart = 0
  let isJfif = false
  let transform: number | undefined
  for (let at = 2; at + 4 <= file.length;) {
    const marker = file[at + 1]!
    const start = at + 4
    const end = at + 2 + word(at + 2)
    if (file[at] !== 0xff || end < start || end > file.length) return undefined
    const text = (length: number) => String.fromCharCode(...file.subarray(start, start + length))
    if (marker === MARKERS.APP0) isJfif ||= end - start >= 14 && text(5) === "JFIF\0"
    else if (marker === MARKERS.APP14) {
      if (end - start >= 12 && text(5) === "Adobe") transform = file[start + 11]!
    } else if (marker === MARKERS.DQT) {
      for (let p = start; p < end; p += 65) {
        if (file[p]! > 3 || p + 65 > end) return undefined
        const numbers = new Int16Array(64)
        NATURAL.forEach((to, i) => (numbers[to] = file[p + 1 + i]!))
        quantisations.set(file[p]!, numbers)
      }
    } else if (marker === MARKERS.DHT) {
      for (let p = start; p < end;) {
        const counts = file.subarray(p + 1, p + 17)
        const total = counts.reduce((a, b) => a + b, 0)
        if (p + 17 + total > end || total > 256 || (file[p]! & ~16) > 3) return undefined
        const table = tableOf(counts, file.subarray(p + 17, p + 17 + total), file[p]! >= 16)
        if (table === undefined) return undefined
        tables.set(file[p]!, table)
        p += 17 + total
      }
    } else if (marker === MARKERS.DRI) {
      if (end - start !== 2) return undefined
      restart = word(start)
    } else if (marker === MARKERS.SOF0 || marker === MARKERS.SOF1) {
      const count = file[start + 5]!
      if (frame !== undefined || file[start] !== 8 || end - start !== 6 + 3 * count) return undefined
      const components = Array.from({ length: count }, (_, i) => {
        const [id, sampling, quantisation] = file.subarray(start + 6 + 3 * i) as unknown as [number, number, number]
        return { id, across: sampling >> 4, down: sampling & 15, quantisation }
      })
      frame = { height: word(start + 1), width: word(start + 3), components }
    } else if (marker === MARKERS.SOS) {
      const count = file[start]!
      if (frame === undefined || count !== frame.components.length || end - start !== 4 + 2 * count) return undefined
      if (file[end - 3] !== 0 || file[end - 2] !== 63 || file[end - 1] !== 0) return undefined
      const ids = frame.components.map(({ id }) => id)
      const isColour = isJfif || transform === 1 || (transform === undefined && ids.join() === "1,2,3")
      if (count === 3 && !isColour) return undefined
      const codes: Array<readonly [Int32Array, Int32Array]> = []
      for (const [i, id] of ids.entries()) {
        const which = file[start + 2 + 2 * i]!
        const [dc, ac] = [tables.get(which >> 4), tables.get(16 | (which & 15))]
        if (file[start + 1 + 2 * i] !== id || dc === undefined || ac === undefined) return undefined
        codes.push([dc, ac])
      }
      const own = frame.components.map(({ quantisation }) => quantisations.get(quantisation))
      if (!own.every((numbers) => numbers !== undefined)) return undefined
      return { ...frame, codes, quantisations: own, restart, start: end }
    } else if (!isRemark(marker)) return undefined
    at = end
  }
  return undefined
}

/**
 * The chroma subsampling: the number of luma blocks per chroma block, across and down; undefined if it is not
 * supported.
 */
const samplingOf = ({ components, width }: Head): readonly [across: number, down: number] | undefined => {
  const [brightness, ...colours] = components
  if (brightness === undefined || components.length === 2 || components.length > 3) return undefined
  const { across, down } = brightness
  // A single component has one block to a unit, whatever it says.
  if (colours.length === 0) return [across, down].every((n) => n >= 1 && n <= 4) ? [1, 1] : undefined
  if (colours.some(({ across, down }) => across !== 1 || down !== 1)) return undefined
  // Colour of two columns or fewer is not interpolated.
  if (across === 2 && width <= 4) return undefined
  return [1, 2].includes(across) && [1, across].includes(down) ? [across, down] : undefined
}

/** Decodes the pixels to an address; gives `false` if anything about the file is unusual. */
const paint = (file: Uint8Array, head: Head, out: number): boolean => {
  const { width, height, components, codes, quantisations, restart, start } = head
  const sampling = samplingOf(head)
  if (sampling === undefined || width * height === 0 || Math.max(width, height) > LONGEST) return false
  const [across, down] = [Math.ceil(width / (8 * sampling[0])), Math.ceil(height / (8 * sampling[1]))]
  const units = across * down
  const most = restart === 0 ? 1 : Math.ceil(units / restart)
  const dataBytes = file.length - start + 320 * most + 16
  const [source, data, intervals, numbers, natural, tables, quantisation, block, planes, sums, blue, red] =
    Kernels.regions(
      file.length - start,
      dataBytes,
      8 * most,
      28 * components.length,
      64,
      8 * codes.length * (VALUES + 256),
      128 * codes.length,
      3 * 128,
      64 * units * (sampling[0] * sampling[1] + 2) + 64,
      2 * width + 64,
      width + 64,
      width + 64
    )
  Kernels.put(source, file.subarray(start))
  if (kernels.intervals(source, source + file.length - start, data + dataBytes, intervals, most) !== most) return false
  Kernels.put(natural, NATURAL)
  let plane = planes
  components.forEach((_, i) => {
    const [wide, high] = i === 0 ? sampling : [1, 1]
    const [dc, ac] = [0, 1].map((kind) => tables + 4 * (2 * i + kind) * (VALUES + 256)) as [number, number]
    Kernels.put(dc, codes[i]![0])
    Kernels.put(ac, codes[i]![1])
    Kernels.put(quantisation + 128 * i, quantisations[i]!)
    const stride = 8 * across * wide
    Kernels.put(numbers + 28 * i, Int32Array.of(0, wide | (high << 4), dc, ac, quantisation + 128 * i, plane, stride))
    plane += stride * 8 * down * high
  })
  for (const numbers of [...codes.flat(), ...quantisations]) Memory.release(numbers)
  const every = restart === 0 ? units : restart
  if (!kernels.scan(intervals, across, down, every, numbers, components.length, natural, block)) return false
  kernels.painted(numbers, components.length, ...sampling, width, height, sums, blue, red, out)
  return true
}

/**
 * Decodes a file of the supported kind with at most `limit` pixels and gives the result of `use`; undefined for other
 * files. The pixels are only valid while `use` runs.
 */
export const decode = <A>(file: Uint8Array, limit: number, use: (pixels: Held) => A): A | undefined => {
  const head = headOf(file)
  if (head === undefined || head.width * head.height > Math.min(limit, MOST_PIXELS)) return undefined
  const { width, height } = head
  return Kernels.hold(3 * width * height + 48, (at) => (paint(file, head, at) ? use({ width, height, at }) : undefined))
}
