import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import sharp from "sharp"
import * as GifCodes from "../../src/codec/GifCodes.ts"
import { Picture } from "../../src/index.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Where the codes of a file's first frame start: behind its head, tables, extensions and the frame's own head and table. */
const codesAt = (file: Uint8Array): number => {
  const table = (packed: number) => ((packed & 0x80) === 0 ? 0 : 3 << ((packed & 7) + 1))
  let at = 13 + table(file[10]!)
  while (file[at] === 0x21) {
    at += 2
    while (file[at] !== 0) at += file[at]! + 1
    at++
  }
  return at + 10 + table(file[at + 9]!)
}

describe("GifCodes", () => {
  it.effect.prop(
    "the codes that a library wrote stand for all pixels of its frame",
    [between(1, 60), between(1, 60), between(1, 6), between(1, 255)],
    ([width, height, run, step]) =>
      Effect.promise(async () => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.floor(i / (3 * run)) * step) & 255)
        const file = new Uint8Array(
          await sharp(data, { raw: { width, height, channels: 3 } })
            .gif()
            .toBuffer()
        )
        const at = codesAt(file)
        assert.strictEqual(GifCodes.pixels(file[at]!, file.subarray(at + 1)), width * height)
      }),
    { arbitrary: { runs: 60 } }
  )

  it.effect("a frame whose codes end too soon is an error: the library would leave the rest black", () =>
    Effect.gen(function* () {
      // Two by two pixels of two colours: a start, two pixels, and the end.
      const head = [..."GIF89a"].map((letter) => letter.charCodeAt(0))
      const of = (codes: ReadonlyArray<number>) => {
        const bits = codes.flatMap((code) => [code & 1, (code >> 1) & 1, (code >> 2) & 1])
        const bytes = Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
          bits.slice(8 * i, 8 * i + 8).reduce((sum, bit, k) => sum + (bit << k), 0)
        )
        const table = [0x80, 0, 0, 1, 2, 3, 4, 5, 6]
        const frame = [0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0]
        return Uint8Array.from([...head, 2, 0, 2, 0, ...table, ...frame, 2, bytes.length, ...bytes, 0, 0x3b])
      }
      const whole = yield* Picture.decode("a.gif", of([4, 0, 1, 4, 1, 0, 5]))
      assert.deepStrictEqual([...whole.data], [1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3])
      const { message } = yield* Effect.flip(Picture.decode("a.gif", of([4, 0, 1, 5])))
      const why = "its codes end before its last pixel"
      assert.strictEqual(message, `a.gif: this GIF image is truncated or damaged (${why})`)
    })
  )
})
