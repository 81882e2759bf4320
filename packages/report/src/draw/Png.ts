/** PNG files of small pictures in false colours, for pages that contain their images. */
import { crc32, deflateSync } from "node:zlib"

const chunk = (name: string, data: Uint8Array): Uint8Array => {
  const out = new Uint8Array(12 + data.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, data.length)
  out.set(new TextEncoder().encode(name), 4)
  out.set(data, 8)
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)))
  return out
}

/** Dark blue over violet and orange to pale yellow, at t in [0, 1], and dark blue for NaN; corners of the colour map "inferno". */
const colour = (t: number): readonly [number, number, number] => {
  const stops = [
    [0, 0, 4],
    [87, 16, 110],
    [188, 55, 84],
    [249, 142, 9],
    [252, 255, 164]
  ] as const
  const at = (Number.isNaN(t) ? 0 : Math.min(Math.max(t, 0), 1)) * (stops.length - 1)
  const low = Math.min(Math.floor(at), stops.length - 2)
  const mix = (c: 0 | 1 | 2) => Math.round(stops[low]![c] + (at - low) * (stops[low + 1]![c] - stops[low]![c]))
  return [mix(0), mix(1), mix(2)]
}

/** A heat map of rows × columns numbers, scaled to their range; the first row is at the bottom. */
export const heatMap = (rows: number, columns: number, data: ArrayLike<number>): Uint8Array => {
  const numbers = Array.from(data)
  const min = numbers.reduce((a, b) => Math.min(a, b), Infinity)
  const max = numbers.reduce((a, b) => Math.max(a, b), -Infinity)
  const raw = new Uint8Array(rows * (1 + 3 * columns))
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = numbers[(rows - 1 - r) * columns + c]!
      raw.set(colour((value - min) / (max - min || 1)), r * (1 + 3 * columns) + 1 + 3 * c)
    }
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, columns)
  view.setUint32(4, rows)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  const parts = [signature, chunk("IHDR", header), chunk("IDAT", deflateSync(raw)), chunk("IEND", new Uint8Array())]
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}
