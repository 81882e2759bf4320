/** Turns an image file into the 28 × 28 grey image that the image encoder of av-digits reads. */
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import type { Preprocess, Source } from "../Preprocess.ts"
import * as Libvips from "./Libvips.ts"
import * as Raster from "./Raster.ts"

/** The parameters: the side in pixels, and the mean and standard deviation of MNIST's pixels in [0, 1]. */
export const settings = { kind: "grey-image", version: 1, side: 28, mean: 0.1307, deviation: 0.3081 } as const

/** Encodes grey pixels in [0, 1], side × side, as a PNG. */
export const encodePng = (pixels: Float32Array, side: number): Promise<Uint8Array> =>
  Libvips.open()(
    Uint8Array.from(pixels, (x) => Math.round(255 * Math.max(0, Math.min(1, x)))),
    {
      raw: { width: side, height: side, channels: 1 }
    }
  )
    .png({ compressionLevel: 6 })
    .toBuffer()

/** The standardised tensor (1 × side × side) of 8-bit grey pixels. */
export const ofPixels = (pixels: ArrayLike<number>): Tensor.Tensor<"float32"> =>
  Tensor.float32(
    [1, settings.side, settings.side],
    Float32Array.from(pixels, (x) => (x / 255 - settings.mean) / settings.deviation)
  )

/**
 * The image preprocessing: an image of any supported format is converted to grey, blended onto black, and resized to 28
 * × 28.
 */
export const preprocess: Preprocess<Tensor.Tensor<"float32">> = {
  settings,
  shape: [1, settings.side, settings.side],
  load: Effect.fn("GreyImage.load")(function* ({ path }: Source) {
    return yield* Raster.use(path, "this is not an image, or it is damaged", async (bytes) => {
      const image = Raster.open(bytes, { failOn: "truncated" }).flatten({ background: "black" }).toColourspace("b-w")
      const { data } = await image
        .resize(settings.side, settings.side, { fit: "fill" })
        .extractChannel(0)
        .raw()
        .toBuffer({ resolveWithObject: true })
      return ofPixels(data)
    })
  })
}
