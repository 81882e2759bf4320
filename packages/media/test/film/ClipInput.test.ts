import { assert, layer } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Effect, FileSystem, Stream } from "effect"
import { environment } from "../environment.ts"
import { scene } from "../media.ts"
import { ClipInput, Film, MediaDecoder, MediaFile } from "../../src/index.ts"

const SIZE = 48
const settings: ClipInput.Settings = {
  ...ClipInput.settings.rgb,
  side: SIZE,
  crop: 40,
  frames: 12,
  window: 8
}

/** A film of 20 square frames of the side of the box, so that resizing changes nothing. */
const film = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/a.avi`
  yield* MediaFile.write(path, { pictures: { width: SIZE, height: SIZE, rate: 10, frames: scene(20, SIZE, SIZE) } })
  return path
})

const value = (v: number, c: number, { mean, deviation }: ClipInput.Settings) => (v / 255 - mean[c]!) / deviation[c]!

layer(environment, { excludeTestServices: true })("ClipInput", (it) => {
  it.effect("a clip is the middle of the frames of its range, standardised; the box is black after them", () =>
    Effect.gen(function* () {
      const path = yield* film
      const whole = yield* Stream.runCollect(Film.frames(path))
      const { shape, data } = yield* ClipInput.preprocess(settings).load({ path, frames: [5, 15] })
      assert.deepStrictEqual(shape, [3, 12, 40, 40])
      for (const [c, t, y, x] of [
        [0, 0, 0, 0],
        [1, 3, 20, 7],
        [2, 9, 39, 39]
      ] as const) {
        const pixel = whole[5 + t]!.data[((4 + y) * SIZE + 4 + x) * 3 + c]!
        assert.closeTo(data[((c * 12 + t) * 40 + y) * 40 + x]!, value(pixel, c, settings), 1e-5)
      }
      const black = data.subarray(10 * 1600, 12 * 1600)
      assert.isTrue(black.every((v) => Math.abs(v - value(0, 0, settings)) < 1e-6))
      const bgr = yield* ClipInput.preprocess({ ...settings, pixels: "BGR" }).load({ path, frames: [5, 15] })
      const { mean, deviation } = settings
      const red = bgr.data[2 * 12 * 1600]! * deviation[2]! + mean[2]!
      assert.closeTo(red, data[0]! * deviation[0]! + mean[0]!, 1e-6)
      const blue = { ...settings, pixels: "blue", mean: [0], deviation: [1] } as const
      const depth = yield* ClipInput.preprocess(blue).load({ path, frames: [5, 15] })
      assert.deepStrictEqual(depth.shape, [1, 12, 40, 40])
      assert.closeTo(depth.data[0]!, data[2 * 12 * 1600]! * deviation[2]! + mean[2]!, 1e-6)
    })
  )

  it.effect(
    "a drawn clip is a crop and a window of the whole, the same for equal streams and all kinds of a sample",
    () =>
      Effect.gen(function* () {
        const path = yield* film
        const all = yield* ClipInput.preprocess({ ...settings, crop: SIZE }).load({ path, frames: [3, 13] })
        const starts = new Set<number>()
        for (let n = 0; n < 12; n++) {
          const view = ClipInput.draw(settings, Keyed.stream([n]))
          starts.add(view.start)
          assert.deepStrictEqual(ClipInput.draw({ ...settings, window: 8 }, Keyed.stream([n])), view)
          const { shape, data } = yield* ClipInput.augmentation(settings).load(
            { path, frames: [3, 13] },
            Keyed.stream([n])
          )
          assert.deepStrictEqual(shape, [3, 8, 40, 40])
          const { start, top, left } = view
          for (const [c, t, y, x] of [
            [0, 0, 0, 0],
            [2, 7, 39, 39],
            [1, 4, 11, 30]
          ] as const) {
            const expected = all.data[((c * 12 + start + t) * SIZE + top + y) * SIZE + left + x]
            assert.strictEqual(data[((c * 8 + t) * 40 + y) * 40 + x], expected)
          }
        }
        assert.isAbove(starts.size, 2)
        assert.isTrue([...starts].every((start) => start >= 0 && start <= 4))
      })
  )

  it.effect(
    "ranges that are none, too long for the box or past the film's end are errors; the last is not under compat",
    () =>
      Effect.gen(function* () {
        const path = yield* film
        const load = (frames?: readonly [number, number], more: Partial<ClipInput.Settings> = {}) =>
          ClipInput.preprocess({ ...settings, ...more }).load({ path, ...(frames === undefined ? {} : { frames }) })
        const problem = (frames?: readonly [number, number]) =>
          Effect.map(Effect.flip(load(frames)), ({ message }) => message.slice(path.length + 2))
        assert.strictEqual(yield* problem(), "no frames of this film are named")
        assert.strictEqual(yield* problem([5, 5]), "its frames 5 to 5 are wanted, which are none")
        const long = "its frames 0 to 13 are wanted: 13 of them, of which a clip holds 12"
        assert.strictEqual(yield* problem([0, 13]), long)
        assert.strictEqual(yield* problem([12, 24]), "its frames 12 to 24 are wanted, but it has 20")
        const lax = yield* load([12, 24], { compat: ["missing frames are black"] })
        const strict = yield* load([12, 20])
        assert.isTrue(lax.data.every((v, i) => v === strict.data[i]))
      })
  )

  it.effect("threads decode NVGesture's clips as this one does", () =>
    Effect.gen(function* () {
      const path = yield* film
      const { place, load, shape } = ClipInput.still.depth
      const source = { path, frames: [0, 4] } as const
      const decode = yield* MediaDecoder.use(({ threads }) => threads(place!))
      const [here, there] = [yield* load(source), yield* decode(source)]
      assert.deepStrictEqual(here.shape, shape)
      assert.isTrue(here.data.every((v, i) => v === (there as typeof here).data[i]))
      const error = yield* Effect.flip(decode({ path, frames: [18, 30] }))
      assert.strictEqual(error.message, `${path}: its frames 18 to 30 are wanted, but it has 20`)
    })
  )
})
