/** Made-up photographs: JPEG files of 500 × 375 pixels with detail at every scale, of about 70 kB each. */
import { Keyed } from "@igm/tensor"
import { join } from "node:path"
import sharp from "sharp"

const [WIDTH, HEIGHT] = [500, 375]

/** A raster of noise, smoothly enlarged to the size of a photograph. */
const layer = (stream: Keyed.Stream, cells: number) => {
  const [width, height] = [cells, Math.ceil((cells * HEIGHT) / WIDTH)]
  const data = Uint8Array.from({ length: width * height * 3 }, () => Keyed.below(stream, 256))
  return sharp(data, { raw: { width, height, channels: 3 } }).resize(WIDTH, HEIGHT, { fit: "fill", kernel: "cubic" })
}

/** Writes photograph i of a folder; gives its path. */
export const write = async (folder: string, i: number): Promise<string> => {
  const stream = Keyed.stream(["photograph", i])
  const [coarse, ...finer] = await Promise.all([5, 20, 80].map((cells) => layer(stream, cells).raw().toBuffer()))
  const data = Uint8Array.from(coarse!, (x, at) => 0.6 * x + 0.25 * finer[0]![at]! + 0.15 * finer[1]![at]!)
  const file = join(folder, `${String(i).padStart(5, "0")}.jpg`)
  await sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(file)
  return file
}
