import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { environment } from "./environment.ts"
import { GreyImage, Spectrogram } from "../src/index.ts"

describe("media that cannot be read", () => {
  it.effect("is a typed error that names the file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const file = path.join(folder, "words.png")
      yield* fs.writeFileString(file, "only words")
      const image = yield* Effect.flip(GreyImage.preprocess.load({ path: file }))
      assert.strictEqual(image.message, `${file}: this is not a JPEG, PNG, WebP, GIF or TIFF image`)
      const sound = yield* Effect.flip(Spectrogram.preprocess.load({ path: file }))
      assert.strictEqual(sound.message, `${file}: this is not a RIFF/WAVE file`)
      const missing = yield* Effect.flip(Spectrogram.preprocess.load({ path: path.join(folder, "none.wav") }))
      assert.strictEqual(missing._tag, "MediaError")
    }).pipe(Effect.provide(environment))
  )

  it.effect("an image is what its pixels are, in any size and colour", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const file = path.join(folder, "grey.png")
      const pixels = Float32Array.from({ length: 784 }, (_, i) => (i % 28) / 27)
      yield* fs.writeFile(file, yield* Effect.promise(() => GreyImage.encodePng(pixels, 28)))
      const { data } = yield* GreyImage.preprocess.load({ path: file })
      assert.deepStrictEqual(data, GreyImage.ofPixels(pixels.map((x) => Math.round(255 * x))).data)
    }).pipe(Effect.provide(environment))
  )
})
