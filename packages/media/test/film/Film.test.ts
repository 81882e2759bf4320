import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, FileSystem, Schema, Stream } from "effect"
import { isDeepStrictEqual } from "node:util"
import { environment } from "../environment.ts"
import { golden, named, scene, tone } from "../media.ts"
import { Film, MediaDecoder, MediaFile } from "../../src/index.ts"

const collect = (path: string, options?: Film.Options) => Stream.runCollect(Film.frames(path, options))
const problem = (path: string, options?: Film.Options) =>
  Effect.map(Effect.flip(collect(path, options)), (error) => `${error._tag} ${error.message.slice(path.length + 2)}`)

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** A file of the golden ones. */
const fileOf = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* folder}/${name}`
  yield* fs.writeFile(path, golden(`film/${name}`).data as Uint8Array)
  return path
})

layer(environment, { excludeTestServices: true })("Film", (it) => {
  for (const name of named("film")) {
    it.effect(`${name}: has OpenCV's frames, and as many`, () =>
      Effect.gen(function* () {
        const frames = yield* collect(yield* fileOf(name), { pixels: "BGR" })
        const count = Number(golden(`count/${name}`).data[0])
        assert.deepStrictEqual(
          frames.map(({ index }) => index),
          Array.from({ length: count }, (_, i) => i)
        )
        const expected = golden(`frames/${name}`)
        const found = [0, 5, count - 1].flatMap((i) => [...frames[i]!.data])
        const off = found.reduce((most, x, i) => Math.max(most, Math.abs(x - Number(expected.data[i]))), 0)
        assert.isAtMost(off, 2)
        assert.strictEqual(found.length, expected.data.length)
      })
    )
  }

  it.effect.prop(
    "a part of a film is that part of the whole, whatever is taken of its pixels",
    {
      from: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 13 })),
      length: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 14 })),
      step: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))
    },
    ({ from, length, step }) =>
      Effect.gen(function* () {
        const path = yield* fileOf("h264.avi")
        const whole = yield* collect(path)
        const to = Math.min(from + length, whole.length)
        const wanted = whole.filter(({ index }) => index >= from && index < to && (index - from) % step === 0)
        assert.isTrue(isDeepStrictEqual(yield* collect(path, { from, to, step }), wanted))
        const three = (at: number) => whole[from]!.data.filter((_, i) => i % 3 === at)
        const one = { from, to: from + 1 } as const
        const [blue] = yield* collect(path, { ...one, pixels: "blue" })
        assert.isTrue(isDeepStrictEqual(blue!.data, three(2)))
        const [bgr] = yield* collect(path, { ...one, pixels: "BGR" })
        assert.deepStrictEqual(
          bgr!.data.filter((_, i) => i % 3 === 0),
          three(2)
        )
        const [grey] = yield* collect(path, { ...one, pixels: "grey" })
        const [r, g, b] = [three(0), three(1), three(2)]
        const luma = r.map((x, i) => Math.round(0.299 * x + 0.587 * g[i]! + 0.114 * b[i]!))
        assert.isAtMost(Math.max(...luma.map((x, i) => Math.abs(x - grey!.data[i]!))), 1)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 8 } }
  )

  it.effect("one frame a second is every tenth of ten a second, the first among them", () =>
    Effect.gen(function* () {
      const path = `${yield* folder}/a.mp4`
      yield* MediaFile.write(path, {
        pictures: { width: 48, height: 32, rate: 10, frames: scene(25) },
        sound: { rate: 16_000, channels: [tone(40_000, 0.1)] }
      })
      const frames = yield* collect(path, { step: "second" })
      assert.deepStrictEqual(
        frames.map(({ index }) => index),
        [0, 10, 20]
      )
      const brightness = frames.map(({ data }) => data.reduce((a, b) => a + b, 0) / data.length)
      assert.isTrue(brightness.every((x, i) => Math.abs(x - brightness[0]! - 80 * i) < 4))
      assert.deepStrictEqual(yield* Film.about(path), {
        width: 48,
        height: 32,
        channels: 3,
        rate: 10,
        declared: 25,
        hasSound: true
      })
      assert.strictEqual(yield* Film.count(path), 25)
    })
  )

  it.effect("a range past the end is an error that says how many frames there are, unless it is asked not to be", () =>
    Effect.gen(function* () {
      const path = yield* fileOf("mpeg4.avi")
      const past = "MediaError its frames 5 to 20 are wanted, but it has 14"
      assert.strictEqual(yield* problem(path, { from: 5, to: 20 }), past)
      assert.strictEqual((yield* collect(path, { from: 5, to: 20, missing: "ignored" })).length, 9)
      assert.strictEqual(
        yield* problem(path, { from: 30, to: 31 }),
        "MediaError its frames 30 to 31 are wanted, but it has 14"
      )
    })
  )

  it.effect("a film that is cut off anywhere is an error, and so are a sound, a text, an empty file and none", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* folder}/cut`
      for (const name of named("film")) {
        const file = golden(`film/${name}`).data as Uint8Array
        for (const share of [0.02, 0.2, 0.5, 0.8, 0.99]) {
          yield* fs.writeFile(path, file.subarray(0, Math.floor(share * file.length)))
          assert.match(yield* problem(path), /^MediaError (truncated|this is not an AVI)/, `${name} ${share}`)
        }
      }
      yield* fs.writeFile(path, golden("sound/a.mp3").data as Uint8Array)
      assert.strictEqual(yield* problem(path), "MediaError it has no video stream, only sound")
      yield* fs.writeFileString(path, "only words, no pictures")
      assert.match(yield* problem(path), /^MediaError this is not an AVI, FLV, MP4, MP3, FLAC or Ogg file/)
      yield* fs.writeFile(path, new Uint8Array())
      assert.strictEqual(yield* problem(path), "MediaError this file is empty")
      assert.match(yield* problem(`${path}.none`), /^MediaError this file cannot be read/)
    })
  )

  it.effect(
    "who stops early lets the next one have the decoder, and a decoder that ends is an error of its file alone",
    () =>
      Effect.gen(function* () {
        const path = yield* fileOf("h264.mp4")
        for (let i = 0; i < 10; i++) {
          const [first] = yield* Stream.runCollect(Stream.take(Film.frames(path), 1))
          assert.strictEqual(first!.index, 0)
        }
        const nonsense = Effect.scoped(
          Effect.flatMap(
            MediaDecoder.use(({ ffmpeg }) => ffmpeg("a.avi")),
            (ask) => ask({ do: "nonsense" } as never)
          )
        )
        const error = yield* Effect.flip(nonsense)
        assert.match(error.message, /^a\.avi: the process that decodes it ended with code 1: /)
        assert.strictEqual((yield* collect(path)).length, 14)
      })
  )

  it.effect("many films at a time are all read, though few are open at a time", () =>
    Effect.gen(function* () {
      const path = yield* fileOf("flv1.flv")
      const counts = yield* Effect.forEach(Array(24).fill(path), Film.count, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        counts,
        counts.map(() => 14)
      )
    })
  )
})

describe("MediaFile", () => {
  it.effect("says what it cannot write", () =>
    Effect.gen(function* () {
      const media = { sound: { rate: 8000, channels: [tone(100, 0.1)] } }
      const error = yield* Effect.flip(MediaFile.write("/nowhere/a.nothing", media))
      assert.match(error.message, /^\/nowhere\/a\.nothing: this file cannot be written \(/)
    }).pipe(Effect.provide(environment))
  )
})
