import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { environment } from "../environment.ts"
import { golden, named, scene, tone } from "../media.ts"
import { LogStft, MediaFile, Sound, Wav } from "../../src/index.ts"

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const largest = (a: Float32Array, b: ArrayLike<number | bigint>) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - Number(b[i]))), 0)

layer(environment, { excludeTestServices: true })("Sound", (it) => {
  for (const name of named("sound")) {
    it.effect(`${name}: has librosa's samples, the mean of two channels, at its rate`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* folder}/${name}`
        yield* fs.writeFile(path, golden(`sound/${name}`).data as Uint8Array)
        const { rate, samples } = yield* Sound.read(path)
        const expected = golden(`samples/${name}`).data
        assert.strictEqual(rate, Number(golden(`rate/${name}`).data[0]))
        // Of the last block of Vorbis FFmpeg gives other parts than libsndfile.
        const off = Math.abs(expected.length - samples.length)
        assert.isAtMost(off, name.endsWith(".ogg") ? 1024 : 0)
        const both = Math.min(expected.length, samples.length)
        assert.isAtMost(largest(samples.subarray(0, both), expected), 1e-4)
      })
    )

    it.effect(`${name}: what is cut off is an error`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* folder}/${name}`
        const file = golden(`sound/${name}`).data as Uint8Array
        for (const share of [0.3, 0.6, 0.95]) {
          yield* fs.writeFile(path, file.subarray(0, Math.floor(share * file.length)))
          const { _tag, message } = yield* Effect.flip(Sound.read(path))
          assert.strictEqual(_tag, "MediaError")
          assert.match(message, /truncated/)
        }
      })
    )
  }

  it.effect("the sound of a film is what was put into it, and a wav file is read as ever", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* folder
      const channels = [tone(8000, 0.1), tone(8000, 0.2)] as const
      const pictures = { width: 48, height: 32, rate: 10, frames: scene(5) }
      yield* MediaFile.write(`${path}/a.avi`, { pictures, sound: { rate: 16_000, channels } })
      const { rate, samples } = yield* Sound.read(`${path}/a.avi`)
      assert.deepStrictEqual([rate, samples.length], [16_000, 8000])
      const mean = channels[0].map((x, i) => (x + channels[1][i]!) / 2)
      assert.isAtMost(largest(samples, mean), 1 / 32768)
      yield* MediaFile.write(`${path}/one.avi`, { pictures, sound: { rate, channels: [channels[0]] } })
      const one = yield* Sound.read(`${path}/one.avi`)
      const wav = Wav.encode(one)
      yield* fs.writeFile(`${path}/a.wav`, wav)
      assert.strictEqual(largest((yield* Sound.read(`${path}/a.wav`)).samples, Wav.decode(wav).samples), 0)
      const spectrum = yield* LogStft.inputs.cremaD.load({ path: `${path}/a.wav` })
      assert.strictEqual(
        largest((yield* LogStft.inputs.cremaD.load({ path: `${path}/one.avi` })).data, spectrum.data),
        0
      )
    })
  )

  it.effect("a film without sound, and what is no sound, are errors that say so", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* folder}/a.mp4`
      yield* MediaFile.write(path, { pictures: { width: 48, height: 32, rate: 10, frames: scene(5) } })
      assert.strictEqual(
        (yield* Effect.flip(Sound.read(path))).message,
        `${path}: it has no audio stream, only pictures`
      )
      yield* fs.writeFileString(path, "only words")
      assert.match((yield* Effect.flip(Sound.read(path))).message, /: this is not an AVI, FLV/)
      assert.strictEqual(
        (yield* Effect.flip(Sound.read(`${path}.none`))).message,
        `${path}.none: this sound cannot be read`
      )
    })
  )
})
