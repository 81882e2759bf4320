import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MediaDecoder, Spectrogram } from "../../src/index.ts"

const tone = (hertz: number, rate: number, seconds = 1) =>
  Float32Array.from({ length: rate * seconds }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / rate))

const strongest = (frame: Float64Array) => frame.indexOf(Math.max(...frame))

describe("Spectrogram", () => {
  it("has a tone in the bin of its frequency", () => {
    for (const bin of [4, 20, 77]) {
      const frames = Spectrogram.magnitudes(tone((bin * 8000) / 256, 8000), 256, 128)
      for (const frame of frames.slice(2, -2)) assert.strictEqual(strongest(frame), bin)
    }
  })

  it("keeps the energy of each windowed frame (Parseval)", () => {
    const samples = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i * i * 0.001))
    const frame = Spectrogram.magnitudes(samples, 256, 128)[6]!
    const both = frame.reduce((total, x, k) => total + (k === 0 || k === 128 ? 1 : 2) * x * x, 0) / 256
    const start = 6 * 128 - 128
    let energy = 0
    for (let i = 0; i < 256; i++) {
      const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / 256)
      energy += (hann * samples[start + i]!) ** 2
    }
    assert.closeTo(both, energy, 1e-6 * energy)
  })

  it("is 1 × 129 × 63, standardised, whatever the recording's length", () => {
    for (const seconds of [0.2, 1, 2.5]) {
      const { shape, data } = Spectrogram.ofSamples(tone(440, 8000, seconds))
      assert.deepStrictEqual(shape, [1, 129, 63])
      const mean = data.reduce((a, b) => a + b, 0) / data.length
      assert.closeTo(mean, 0, 1e-4)
      assert.closeTo(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length, 1, 1e-3)
    }
  })

  it("does not turn silence into NaN", () => {
    assert.isTrue(Spectrogram.ofSamples(new Float32Array(8000)).data.every(Number.isFinite))
  })

  it.effect("resampling keeps a tone's frequency, and gives the same bits every time", () =>
    Effect.gen(function* () {
      const sound = { rate: 16_000, samples: tone(1000, 16_000) }
      const first = yield* Spectrogram.resample(sound, 8000)
      yield* Spectrogram.resample({ rate: 16_000, samples: tone(300, 16_000) }, 8000)
      assert.deepStrictEqual(yield* Spectrogram.resample(sound, 8000), first)
      assert.isAtMost(Math.abs(first.length - 8000), 2)
      assert.strictEqual(strongest(Spectrogram.magnitudes(first, 256, 128)[20]!), 32)
    }).pipe(Effect.provide(MediaDecoder.layer))
  )
})
