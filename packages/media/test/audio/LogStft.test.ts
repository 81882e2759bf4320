import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"
import { environment } from "../environment.ts"
import { farthest } from "../parity/audio.ts"
import { LogStft, Stft, Wav, Spectrogram } from "../../src/index.ts"

const grid = { window: 512, hop: 353 }
const Bin = Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 252 }))
const Phase = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 6 }))
const Samples = Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: -1, maximum: 1 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(300)
)

/** Column `frame` of magnitudes, bins × frames. */
const column = (magnitudes: Float32Array, frames: number, frame: number) =>
  Array.from({ length: magnitudes.length / frames }, (_, k) => magnitudes[k * frames + frame]!)

describe("Stft", () => {
  it.prop(
    "a tone peaks in its bin, at a quarter of the window times its amplitude",
    { bin: Bin, phase: Phase },
    (given) => {
      const { bin, phase } = given
      const samples = Float32Array.from(
        { length: 2000 },
        (_, i) => 0.8 * Math.cos((2 * Math.PI * bin * i) / 512 + phase)
      )
      const frames = Stft.framesOf(2000, grid)
      assert.strictEqual(frames, 6)
      const inner = column(Stft.magnitudes(samples, grid), frames, 2)
      assert.strictEqual(inner.indexOf(Math.max(...inner)), bin)
      assert.closeTo(inner[bin]!, (0.8 * 512) / 4, 1e-3)
      // A periodic window has nothing in any bin but the tone's and its two neighbours.
      assert.isBelow(Math.max(...inner.filter((_, k) => Math.abs(k - bin) > 1)), 1e-3)
    }
  )

  it.prop(
    "keeps the energy of every windowed frame (Parseval), zeros beyond the ends",
    { samples: Samples },
    (given) => {
      const samples = Float32Array.from(given.samples)
      const small = { window: 64, hop: 24 }
      const frames = Stft.framesOf(samples.length, small)
      const magnitudes = Stft.magnitudes(samples, small)
      for (let frame = 0; frame < frames; frame++) {
        const bins = column(magnitudes, frames, frame)
        const both = bins.reduce((total, x, k) => total + (k === 0 || k === 32 ? 1 : 2) * x * x, 0) / 64
        let energy = 0
        for (let i = 0; i < 64; i++) {
          const hann = Math.sin((Math.PI * i) / 64) ** 2
          energy += (hann * (samples[frame * 24 - 32 + i] ?? 0)) ** 2
        }
        assert.closeTo(both, energy, 1e-6 * energy + 1e-12)
      }
    }
  )

  it.prop("has the magnitudes that double precision has, however faint they are", { samples: Samples }, (given) => {
    const samples = Float32Array.from(given.samples)
    for (const small of [grid, { window: 64, hop: 24 }]) {
      const frames = Stft.framesOf(samples.length, small)
      const magnitudes = Stft.magnitudes(samples, small)
      Stft.eachFrame(samples, small, (spectrum, frame) => {
        column(magnitudes, frames, frame).forEach((got, k) => {
          const want = Math.hypot(spectrum[2 * k]!, spectrum[2 * k + 1]!)
          assert.closeTo(got, want, 2 ** -22 * want + 1e-12)
        })
      })
    }
  })

  it("shares its transform with the small spectrograms", () => {
    const samples = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i * i * 0.001))
    const frames = Spectrogram.magnitudes(samples, 512, 353)
    const magnitudes = Stft.magnitudes(samples, grid)
    frames.forEach((frame, t) => {
      assert.isBelow(farthest(column(magnitudes, frames.length, t), frame), 1e-5 * Math.max(...frame))
    })
  })
})

describe("LogStft", () => {
  it("has the shapes that the encoders read", () => {
    assert.deepStrictEqual(LogStft.preprocess(LogStft.cremaD).shape, [1, 257, 188])
    assert.deepStrictEqual(LogStft.preprocess(LogStft.kineticsSounds).shape, [1, 257, 1003])
  })

  const tiny: LogStft.Settings = { rate: 8000, samples: 4000, window: 512, hop: 353, floor: 1e-7 }

  it.effect("reads a wav file at another rate, repeats it to the length, and takes the natural logarithm", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const file = path.join(yield* fs.makeTempDirectoryScoped(), "tone.wav")
      const samples = Float32Array.from({ length: 3200 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 1000 * i) / 16_000))
      yield* fs.writeFile(file, Wav.encode({ rate: 16_000, samples }))
      const { load, shape } = LogStft.preprocess(tiny)
      const { data, shape: got } = yield* load({ path: file })
      assert.deepStrictEqual(got, shape)
      // 1000 Hz lies in bin 64, and every frame is full of it: the sound is repeated, in whole periods.
      for (let frame = 1; frame < 11; frame++) {
        assert.closeTo(data[64 * 12 + frame]!, Math.log((0.5 * 512) / 4), 0.05)
      }
      assert.strictEqual((yield* Effect.flip(load({ path: `${file}.none` })))._tag, "MediaError")
    }).pipe(Effect.provide(environment))
  )

  it("silence is the logarithm of the floor", () => {
    const { data } = LogStft.ofSamples(new Float32Array(10), tiny)
    assert.isTrue(data.every((x) => Math.abs(x - Math.log(1e-7)) < 1e-5))
    assert.throws(() => LogStft.ofSamples(new Float32Array(), tiny), RangeError)
  })

  it("cuts what is longer and clips what is louder than 1", () => {
    const loud = Float32Array.from({ length: 5000 }, (_, i) => 3 * Math.sin(0.3 * i))
    const clipped = loud.map((x) => Math.max(-1, Math.min(1, x)))
    assert.deepStrictEqual(LogStft.ofSamples(loud, tiny), LogStft.ofSamples(clipped.subarray(0, 4000), tiny))
  })
})
