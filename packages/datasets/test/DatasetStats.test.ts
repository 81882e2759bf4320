import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { MediaDecoder, Wav } from "@igm/media"
import { Effect, FileSystem, Schema } from "effect"
import sharp from "sharp"
import { DatasetStats } from "../src/index.ts"

describe("DatasetStats", () => {
  const Numbers = Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: -1e6, maximum: 1e6 }))).check(
    Schema.isMinLength(1)
  )

  it.prop("a distribution counts every number once, and half of them on each side of the median", [Numbers], ([x]) => {
    const { count, least, median, most, bins } = DatasetStats.distribution(x)
    assert.strictEqual(count, x.length)
    assert.strictEqual(
      bins.reduce((a, b) => a + b, 0),
      x.length
    )
    assert.isTrue(x.every((one) => least <= one && one <= most))
    assert.isAtMost(x.filter((one) => one < median).length, x.length / 2)
    assert.isAtMost(x.filter((one) => one > median).length, x.length / 2)
    assert.isAbove(bins[0]!, 0)
  })

  it("measures are told apart, though not every sample has each", () => {
    const found = DatasetStats.distributions([{ words: 3 }, { "rate, Hz": 8000 }, { words: 5 }])
    assert.deepStrictEqual([found["words"]!.count, found["words"]!.median, found["rate, Hz"]!.count], [2, 4, 1])
  })

  it.effect("words, seconds and pixels are those of the source, and damage is an error that names it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const write = (name: string, bytes: Uint8Array) =>
        Effect.as(fs.writeFile(`${folder}/${name}`, bytes), { path: `${folder}/${name}` })
      const sound = yield* write("a.wav", Wav.encode({ rate: 8000, samples: new Float32Array(2000) }))
      assert.deepStrictEqual(yield* DatasetStats.of(sound), { "duration, s": 0.25, "rate, Hz": 8000 })
      const picture = yield* Effect.promise(() =>
        sharp({ create: { width: 30, height: 20, channels: 3, background: "red" } })
          .png()
          .toBuffer()
      )
      const image = yield* write("b.png", picture)
      const measured = { "width, px": 30, "height, px": 20, "size, kB": picture.length / 1000 }
      assert.deepStrictEqual(yield* DatasetStats.of(image), measured)
      assert.deepStrictEqual(yield* DatasetStats.of({ path: "x.tsv", text: " two  words😀 " }), {
        words: 2,
        characters: 13
      })
      const damaged = yield* write("c.png", picture.subarray(0, 20))
      assert.strictEqual((yield* Effect.flip(DatasetStats.of(damaged))).path, damaged.path)
      const drawing = yield* write("d.png", new TextEncoder().encode("<svg></svg>"))
      assert.include(
        (yield* Effect.flip(DatasetStats.of(drawing))).message,
        "this is an SVG drawing, and not a JPEG, PNG, WebP, GIF or TIFF image"
      )
    }).pipe(Effect.provide([NodeServices.layer, MediaDecoder.layer]))
  )
})
