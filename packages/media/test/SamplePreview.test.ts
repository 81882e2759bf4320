import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import sharp from "sharp"
import { environment } from "./environment.ts"
import { SamplePreview, Wav, GreyImage, Spectrogram } from "../src/index.ts"

const inFolder = Effect.fnUntraced(function* (name: string, bytes: Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/${name}`
  yield* fs.writeFile(path, bytes)
  return { path }
})

const picture = (width: number, height: number) =>
  Effect.promise(() =>
    sharp({ create: { width, height, channels: 3, background: { r: 200, g: 20, b: 20 } } })
      .jpeg()
      .toBuffer()
  )

describe("SamplePreview", () => {
  it.effect("a page holds large pictures in small, and tiny ones pixel by pixel", () =>
    Effect.gen(function* () {
      const large = yield* SamplePreview.of(yield* inFolder("a.jpg", yield* picture(900, 300)), GreyImage.preprocess)
      assert.isTrue(large.kind === "image" && !large.tiny)
      const { width, height } = yield* Effect.promise(() => sharp((large as SamplePreview.Image).bytes).metadata())
      assert.deepStrictEqual([width, height], [256, 85])
      const tiny = yield* SamplePreview.of(yield* inFolder("b.jpg", yield* picture(28, 28)), GreyImage.preprocess)
      assert.isTrue(tiny.kind === "image" && tiny.tiny && tiny.type === "image/png")
    }).pipe(Effect.provide(environment))
  )

  it.effect("a sound can be played, beside what its encoder reads of it", () =>
    Effect.gen(function* () {
      const wav = Wav.encode({ rate: 8000, samples: Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i / 3)) })
      const source = yield* inFolder("tone.wav", wav)
      const shown = yield* SamplePreview.of(source, Spectrogram.preprocess)
      const { shape, data } = yield* Spectrogram.preprocess.load(source)
      assert.deepStrictEqual(shown, {
        kind: "sound",
        type: "audio/wav",
        bytes: wav,
        spectrogram: { rows: shape[1]!, columns: shape[2]!, data }
      })
    }).pipe(Effect.provide(environment))
  )

  it.effect("words are shown as they are, and what is no picture is an error that names it", () =>
    Effect.gen(function* () {
      const words = yield* SamplePreview.of({ path: "train.tsv", text: "who <b>" }, GreyImage.preprocess)
      assert.deepStrictEqual(words, { kind: "text", text: "who <b>" })
      const source = yield* inFolder("c.png", Uint8Array.of(1, 2, 3))
      const error = yield* Effect.flip(SamplePreview.of(source, GreyImage.preprocess))
      assert.strictEqual(error.message, `${source.path}: this is not a JPEG, PNG, WebP, GIF or TIFF image`)
    }).pipe(Effect.provide(environment))
  )
})
