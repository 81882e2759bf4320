import { assert, describe, it } from "@effect/vitest"
import { Keyed, type Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import sharp from "sharp"
import { environment } from "../environment.ts"
import { ImageInput, LogStft, Wav, GreyImage, Spectrogram } from "../../src/index.ts"
import * as DecodeThreads from "../../src/process/DecodeThreads.ts"

/** A wav file of a tone. */
const tone = Effect.fnUntraced(function* (folder: string, i: number) {
  const fs = yield* FileSystem.FileSystem
  const samples = Float32Array.from({ length: 6000 + 500 * i }, (_, t) => 0.5 * Math.sin((0.05 + 0.01 * i) * t))
  const file = `${folder}/${i}.wav`
  yield* fs.writeFile(file, Wav.encode({ rate: i % 2 === 0 ? 8000 : 11_025, samples }))
  return { path: file }
})

/** A JPEG file of noise. */
const photo = Effect.fnUntraced(function* (folder: string, i: number) {
  const [width, height] = [40 + 3 * i, 30]
  const raw = Uint8Array.from({ length: width * height * 3 }, (_, at) => Math.imul(at + i, 2_654_435_761) >>> 24)
  const path = `${folder}/${i}.jpg`
  yield* Effect.promise(() => sharp(raw, { raw: { width, height, channels: 3 } }).toFile(path))
  return { path }
})

describe("DecodeThreads", () => {
  it.live("threads decode what this one would, bit by bit, and errors name the file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const files = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (i) => tone(folder, i))
      const decode = yield* DecodeThreads.make(Spectrogram.preprocess.place!, { threads: 2 })
      const found = yield* Effect.forEach(files, (file) => decode(file), { concurrency: 4 })
      const expected = yield* Effect.forEach(files, Spectrogram.preprocess.load)
      assert.deepStrictEqual(found, expected)
      yield* fs.writeFileString(`${folder}/none.wav`, "none")
      const here = yield* Effect.flip(Spectrogram.preprocess.load({ path: `${folder}/none.wav` }))
      const there = yield* Effect.flip(decode({ path: `${folder}/none.wav` }))
      assert.strictEqual(there.message, here.message)
      assert.deepStrictEqual(yield* decode(files[0]!), expected[0])
    }).pipe(Effect.provide(environment))
  )

  it.live("threads draw from a stream what this one would", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/a.png`
      const pixels = Float32Array.from({ length: 28 * 28 }, (_, i) => (i % 23) / 23)
      yield* fs.writeFile(path, yield* Effect.promise(() => GreyImage.encodePng(pixels, 28)))
      const decode = yield* DecodeThreads.make(ImageInput.clipChanges.place!, { threads: 2 })
      const [one, same, other] = yield* Effect.forEach([1, 1, 2], (n) => decode({ path }, ["view", n]))
      assert.deepStrictEqual(one, yield* ImageInput.clipChanges.load({ path }, Keyed.stream(["view", 1])))
      assert.deepStrictEqual(one, same)
      assert.notDeepEqual(one, other)
    }).pipe(Effect.scoped, Effect.provide(environment))
  )

  it.live("tensors are lent until their scope closes, and come out right in memory that was used before", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const files = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (i) => tone(folder, i))
      const expected = yield* Effect.forEach(files, Spectrogram.preprocess.load)
      yield* fs.writeFileString(`${folder}/none.wav`, "none")
      const decode = yield* DecodeThreads.make(Spectrogram.preprocess.place!, { threads: 2 })
      const old: Array<readonly [i: number, tensor: Tensor.Tensor]> = []
      const one = (i: number) =>
        Effect.gen(function* () {
          const tensor = (yield* decode(files[i % 6]!)) as Tensor.Tensor
          if (i % 5 === 0) yield* Effect.flip(decode({ path: `${folder}/none.wav` }))
          if (i % 7 === 0) yield* Effect.timeoutOption(decode(files[i % 6]!), "1 millis")
          yield* Effect.sleep(i % 4)
          assert.deepStrictEqual(tensor, expected[i % 6] as Tensor.Tensor)
          old.push([i, tensor])
        }).pipe(Effect.scoped)
      yield* Effect.forEach(
        Array.from({ length: 48 }, (_, i) => i),
        one,
        { concurrency: 5, discard: true }
      )
      const others = old.filter(([i, { data }]) => data.some((x, at) => x !== expected[i % 6]!.data[at]))
      assert.isAbove(others.length, 24, "the same memory was used again")
    }).pipe(Effect.scoped, Effect.provide(environment))
  )

  it.live("what is written straight into lent memory is right as well, beside files that fail", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const sounds = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (i) => tone(folder, i))
      const pictures = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (i) => photo(folder, i))
      yield* fs.writeFileString(`${folder}/none.wav`, "none")
      yield* fs.writeFile(`${folder}/none.jpg`, (yield* fs.readFile(pictures[0]!.path)).subarray(0, 300))
      for (const [preprocess, files, none] of [
        [ImageInput.imagenet, pictures, `${folder}/none.jpg`],
        [LogStft.inputs.cremaD, sounds, `${folder}/none.wav`]
      ] as const) {
        const expected = yield* Effect.forEach(files, preprocess.load)
        const decode = yield* DecodeThreads.make(preprocess.place!, { threads: 2 })
        const old: Array<readonly [i: number, tensor: Tensor.Tensor<"float32">]> = []
        const isAs = (i: number, { data }: Tensor.Tensor<"float32">) =>
          Buffer.from(data.slice().buffer).equals(Buffer.from(expected[i % 6]!.data.buffer))
        yield* Effect.forEach(
          Array.from({ length: 36 }, (_, i) => i),
          (i) =>
            Effect.gen(function* () {
              const tensor = (yield* decode(files[i % 6]!)) as Tensor.Tensor<"float32">
              if (i % 5 === 0) yield* Effect.flip(decode({ path: none }))
              assert.isTrue(isAs(i, tensor))
              old.push([i, tensor])
            }).pipe(Effect.scoped),
          { concurrency: 5, discard: true }
        )
        assert.isAbove(old.filter((one) => !isAs(...one)).length, 12, "the same memory was used again")
      }
    }).pipe(Effect.scoped, Effect.provide(environment))
  )

  it.live("a thread that cannot have its preprocessing fails what it was asked, and says why", () =>
    Effect.gen(function* () {
      const { module } = Spectrogram.preprocess.place!
      const decode = yield* DecodeThreads.make({ module, name: "nothing.here" }, { threads: 1 })
      const error = yield* Effect.flip(decode({ path: "a.wav" }))
      assert.strictEqual(error.path, "a.wav")
      assert.include(error.message, "has no preprocessing nothing.here")
    }).pipe(Effect.scoped)
  )
})
