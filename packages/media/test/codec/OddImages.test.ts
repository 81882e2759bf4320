import { assert, describe, it } from "@effect/vitest"
import { Keyed, Safetensors } from "@igm/tensor"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { Picture } from "../../src/index.ts"

const golden = Safetensors.decode(readFileSync(new URL("../golden/odd-images.safetensors", import.meta.url)))
const images = JSON.parse(golden.metadata["images"]!) as ReadonlyArray<{
  readonly name: string
  /** That PIL refuses it, as it lies in its file or turned. */
  readonly error?: string
  readonly orientError?: string
}>

const BLACK = "a palette of 8 bits where 16 are meant, whose colours PIL makes black"

/** What this project says of kinds that PIL reads and it does not. */
const REFUSED: { readonly [name: string]: string } = {
  "tiff-ycbcr8-deflate-le.tif": "samples of a kind that is not read: YCbCr, 3 × 8 bits, whole numbers",
  "tiff-ycbcr8-1-strip-le.tif": "samples of a kind that is not read: YCbCr, 1 × 8 bits, whole numbers",
  // PIL takes planes of 16 bits for planes of 8 bits.
  "tiff-cmyk16-planes-le.tif": "samples of a kind that is not read: CMYK, 4 × 16 bits, whole numbers, in planes",
  "tiff-rgb16-planes-le.tif": "samples of a kind that is not read: RGB, 3 × 16 bits, whole numbers, in planes",
  "tiff-rgb8-extra-10-strip-le.tif":
    "samples of a kind that is not read: RGB, 5 × 8 bits, whole numbers, extra samples 1,0",
  "tiff-grey12-1-strip-le.tif": "samples of a kind that is not read: grey, 1 × 12 bits, whole numbers",
  "tiff-grey32-1-strip-le.tif": "samples of a kind that is not read: grey, 1 × 32 bits, whole numbers",
  "tiff-grey8-untold-strip-le.tif":
    "samples of a kind that is not read: of no named colours, 1 × 8 bits, whole numbers",
  // PIL reads packed fractions in the other order of bytes.
  "tiff-float32-1-deflate-be.tif": "samples of a kind that is not read: grey, 1 × 32 bits, fractional numbers",
  "tiff-signed16-1-strip-le.tif": "samples of a kind that is not read: grey, 1 × 16 bits, signed numbers",
  "tiff-lab8-strip-le.tif": "samples of a kind that is not read: CIELAB, 3 × 8 bits, whole numbers",
  "tiff-lzma-RGB.tif": "compressed in a way that is not read (34925)",
  "tiff-zstd-L.tif": "compressed in a way that is not read (50000)",
  // PIL makes all of it black.
  "tiff-palette4-narrow-strip-le.tif": BLACK,
  "tiff-palette2-narrow-deflate-be.tif": BLACK,
  "tiff-palette1-narrow-strip-be.tif": BLACK,
  "tiff-big.tif": "this is a BigTIFF image, and not a JPEG, PNG, WebP, GIF or TIFF image"
}

describe("pictures of rare kinds", () => {
  for (const { name, error, orientError } of images) {
    const problem = REFUSED[name]
    const isRefused = problem !== undefined || error !== undefined
    it.effect(`${name}: ${isRefused ? "an error that names it" : "PIL's pixels"}`, () =>
      Effect.gen(function* () {
        for (const orient of [false, true]) {
          const bytes = golden.tensors[`${name}/file`]!.data as Uint8Array
          const decoded = Picture.decode(name, bytes, { orient })
          if (isRefused || (orient && orientError !== undefined)) {
            const { message } = yield* Effect.flip(decoded)
            assert.isTrue(message.startsWith(`${name}: this `) && message.endsWith(problem ?? ""), message)
          } else {
            const plain = golden.tensors[`${name}/plain`]!
            const tensor = orient ? (golden.tensors[`${name}/orient`] ?? plain) : plain
            const { width, height, data } = yield* decoded
            assert.deepStrictEqual([height, width, 3], [...tensor.shape])
            assert.deepStrictEqual(data, tensor.data)
          }
        }
      })
    )
  }

  it.effect("a damaged one is a picture of its size or a typed error, also where it is turned", () =>
    Effect.gen(function* () {
      const outcomes = { Picture: 0, MediaError: 0 }
      for (const { name } of images) {
        for (let n = 0; n < 12; n++) {
          const stream = Keyed.stream(["damage", name, n])
          const file = Uint8Array.from(golden.tensors[`${name}/file`]!.data as Uint8Array)
          for (let k = 0; k <= n % 3; k++) file[Keyed.below(stream, file.length)] = Keyed.below(stream, 256)
          const part = n % 4 === 3 ? file.subarray(0, Keyed.below(stream, file.length)) : file
          const result = yield* Effect.result(Picture.decode(name, part, { limit: 100_000, orient: true }))
          if (result._tag === "Failure") {
            assert.strictEqual(result.failure._tag, "MediaError")
            outcomes.MediaError++
          } else {
            const { width, height, data } = result.success
            assert.strictEqual(data.length, width * height * 3)
            outcomes.Picture++
          }
        }
      }
      assert.isAbove(Math.min(outcomes.Picture, outcomes.MediaError), 200)
    })
  )
})
