import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Wav } from "../src/index.ts"

const Sample = Schema.Finite.check(Schema.isBetween({ minimum: -1, maximum: 0.9999 }))
const Sound = Schema.Struct({
  rate: Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 1_536_000 })),
  samples: Schema.Array(Sample).check(Schema.isMinLength(1), Schema.isMaxLength(200))
})

/** A wav file around given data. */
const wav = (codec: number, channels: number, bits: number, data: Uint8Array): Uint8Array => {
  const file = Wav.encode({ rate: 8000, samples: new Float32Array(Math.ceil(data.length / 2)) }).slice(
    0,
    44 + data.length
  )
  const view = new DataView(file.buffer)
  view.setUint16(20, codec, true)
  view.setUint16(22, channels, true)
  view.setUint16(34, bits, true)
  view.setUint32(40, data.length, true)
  file.set(data, 44)
  return file
}

describe("Wav", () => {
  it.prop("what is written is read, to the resolution of 16 bits", { sound: Sound }, ({ sound }) => {
    const { rate, samples } = Wav.decode(Wav.encode({ rate: sound.rate, samples: Float32Array.from(sound.samples) }))
    assert.strictEqual(rate, sound.rate)
    assert.strictEqual(samples.length, sound.samples.length)
    samples.forEach((x, i) => assert.isAtMost(Math.abs(x - sound.samples[i]!), 0.5 / 32768 + 1e-7))
  })

  it.prop("a file cut off anywhere is an error, never a shorter recording", { sound: Sound }, ({ sound }) => {
    const file = Wav.encode({ rate: sound.rate, samples: Float32Array.from(sound.samples) })
    for (let length = 0; length < file.length; length += 7) {
      assert.throws(() => Wav.decode(file.subarray(0, length)), Wav.MalformedWav)
    }
  })

  it("reads 8, 24 and 32 bits, floats, and the mean of two channels", () => {
    assert.deepStrictEqual(Array.from(Wav.decode(wav(1, 1, 8, Uint8Array.of(0, 128, 192))).samples), [-1, 0, 0.5])
    assert.deepStrictEqual(
      Array.from(Wav.decode(wav(1, 1, 24, Uint8Array.of(0, 0, 0x40, 0, 0, 0x80))).samples),
      [0.5, -1]
    )
    assert.deepStrictEqual(Array.from(Wav.decode(wav(1, 1, 32, Uint8Array.of(0, 0, 0, 0x40))).samples), [0.5])
    const floats = new Uint8Array(Float32Array.of(0.25, -0.5).buffer)
    assert.deepStrictEqual(Array.from(Wav.decode(wav(3, 1, 32, floats)).samples), [0.25, -0.5])
    assert.deepStrictEqual(Array.from(Wav.decode(wav(3, 2, 32, floats)).samples), [-0.125])
    const doubles = new Uint8Array(Float64Array.of(0.25, -0.5).buffer)
    assert.deepStrictEqual(Array.from(Wav.decode(wav(3, 1, 64, doubles)).samples), [0.25, -0.5])
  })

  it("says what is wrong with what is no wav file", () => {
    const problem = (file: Uint8Array) => {
      try {
        Wav.decode(file)
      } catch (error) {
        return (error as Error).message
      }
      return "none"
    }
    assert.strictEqual(problem(new TextEncoder().encode("these are only words")), "this is not a RIFF/WAVE file")
    assert.strictEqual(problem(new Uint8Array()), "the file is empty")
    assert.strictEqual(
      problem(wav(1, 1, 16, Uint8Array.of(1, 2, 3, 4)).slice(0, 46)),
      "truncated: its data chunk has 2 of 4 bytes"
    )
    assert.strictEqual(
      problem(wav(85, 1, 16, Uint8Array.of(1, 2))),
      "16-bit samples of codec 85 are not supported: use PCM"
    )
    assert.strictEqual(problem(wav(1, 1, 16, new Uint8Array())), "it holds no samples")
    const at = (rate: number) => {
      const file = Wav.encode({ rate: 8000, samples: new Float32Array(8) })
      new DataView(file.buffer).setUint32(24, rate, true)
      return problem(file)
    }
    for (const rate of [0, 1, 999, 1_536_001, 2 ** 32 - 1]) {
      assert.strictEqual(at(rate), `it declares a rate of ${rate} Hz, which is not from 1000 to 1536000`)
    }
    for (const rate of [1000, 4000, 8000, 44_100, 192_000, 1_536_000]) assert.strictEqual(at(rate), "none")
    const bad = new Uint8Array(Float32Array.of(0, Number.NaN).buffer)
    assert.strictEqual(problem(wav(3, 1, 32, bad)), "sample 1 is not a finite number")
    const huge = new Uint8Array(Float64Array.of(1e300).buffer)
    assert.strictEqual(problem(wav(3, 1, 64, huge)), "sample 0 is not a finite number")
  })
})
