import { assert, describe, it } from "@effect/vitest"
import { Safetensors } from "@igm/tensor"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { deviations, farthest, signalToError } from "../parity/audio.ts"
import { Resample, Wav } from "../../src/index.ts"

const rates = [8000, 11_025, 12_345, 16_000, 22_050, 35_400, 44_100, 48_000, 96_000]
const Rate = Schema.Literals(rates)
const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 0.85 }))
const Phase = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 6 }))
const Length = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3000 }))

const sine = (hertz: number, phase: number, rate: number, n: number) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate + phase))

const noise = (n: number, seed: number) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * i * i + 78.233 * seed * i))

const options = { arbitrary: { runs: 30 } }

describe("Resample", () => {
  it("comes within 60 dB of librosa, whatever the rate, width and channels of a wav file", () => {
    const file = (name: string) => readFileSync(new URL(`../golden/audio/${name}`, import.meta.url))
    const { tensors, metadata } = Safetensors.decode(file("reference.safetensors"))
    for (const [name, about] of Object.entries(metadata)) {
      for (const { what, value, holds } of deviations(name, Wav.decode(file(`${name}.wav`)), tensors)) {
        assert.isTrue(holds, `${name}: ${about}: ${what} ${value}`)
      }
    }
    assert.strictEqual(Object.keys(metadata).length, 10)
  })

  it.prop(
    "a sine in the pass band stays that sine, away from the ends",
    { from: Rate, to: Rate, share: Share, phase: Phase },
    ({ from, to, share, phase }) => {
      const lower = Math.min(from, to)
      const hertz = (share * lower) / 2
      const n = Math.ceil((400 * from) / lower)
      const got = Resample.resample(sine(hertz, phase, from, n), from, to)
      const margin = Math.ceil((120 * to) / lower)
      const inner = (xs: Float32Array) => xs.subarray(margin, xs.length - margin)
      assert.isAbove(inner(got).length, 100)
      assert.isAbove(signalToError(inner(got), inner(sine(hertz, phase, to, got.length))), 90)
    },
    options
  )

  it.prop(
    "what the new rate cannot hold is gone",
    { from: Schema.Literals([44_100, 48_000, 96_000]), to: Schema.Literals([8000, 16_000, 22_050]), phase: Phase },
    ({ from, to, phase }) => {
      const got = Resample.resample(sine(1.05 * (to / 2), phase, from, 60 * Math.ceil((8 * from) / to)), from, to)
      const margin = 130
      assert.isBelow(
        farthest(got.subarray(margin, got.length - margin), new Float32Array(got.length - 2 * margin)),
        1e-5
      )
    },
    options
  )

  it.prop(
    "is linear",
    { from: Rate, to: Rate, n: Length },
    ({ from, to, n }) => {
      const [a, b] = [noise(n, 1), noise(n, 2)]
      const both = Resample.resample(
        a.map((x, i) => 0.5 * x - 0.25 * b[i]!),
        from,
        to
      )
      const [ya, yb] = [a, b].map((x) => Resample.resample(x, from, to))
      assert.isBelow(
        farthest(
          both,
          ya!.map((x, i) => 0.5 * x - 0.25 * yb![i]!)
        ),
        1e-6
      )
    },
    options
  )

  it.prop(
    "has the length that librosa gives, and ends in zero where soxr is one short of it",
    { from: Rate, to: Rate, n: Length },
    ({ from, to, n }) => {
      const got = Resample.resample(noise(n, 3), from, to)
      // The ratio is rounded first: 2499 samples at 22,050 Hz become 10,881 at 96,000, as librosa has it, and not 10,880.
      assert.strictEqual(got.length, Math.ceil(n * (to / from)))
      if (from !== to && Math.floor((n * to) / from + 0.5) < got.length) assert.strictEqual(got.at(-1), 0)
      assert.isTrue(got.every(Number.isFinite))
    },
    options
  )

  it("leaves a sound at its own rate as it is", () => {
    const samples = noise(100, 4)
    assert.strictEqual(Resample.resample(samples, 22_050, 22_050), samples)
  })

  it("interpolates its kernel closely where the rates have no common divisor", () => {
    const n = 4410
    const got = Resample.resample(sine(3000, 1, 44_101, n), 44_101, 22_050)
    const want = sine(3000, 1, 22_050, got.length)
    assert.isAbove(signalToError(got.subarray(300, -300), want.subarray(300, -300)), 100)
  })

  it("a rate that is no whole positive number is an error", () => {
    for (const rate of [0, -1, 0.5, Number.NaN]) {
      assert.throws(() => Resample.resample(new Float32Array(10), 8000, rate), RangeError)
    }
  })
})
