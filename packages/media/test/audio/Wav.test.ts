import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Wav } from "../../src/index.ts"

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

const bytesOf = (...parts: ReadonlyArray<string | Uint8Array | ReadonlyArray<number>>): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...(typeof part === "string" ? new TextEncoder().encode(part) : part)]))

const number = (value: number, bytes: number, little = true): ReadonlyArray<number> => {
  const digits = Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256)
  return little ? digits : digits.toReversed()
}

/** A file of 16 bits whose head says what it is told to say. */
const told = (
  samples: ReadonlyArray<number>,
  {
    tag = "RIFF",
    riff,
    data,
    chunks = []
  }: { tag?: string; riff?: number; data?: number; chunks?: ReadonlyArray<Uint8Array> } = {}
): Uint8Array => {
  const little = tag !== "RIFX"
  const n = (value: number, bytes: number) => number(value, bytes, little)
  const pcm = samples.flatMap((x) => n((x + 65_536) % 65_536, 2))
  const format = [...n(1, 2), ...n(1, 2), ...n(16_000, 4), ...n(32_000, 4), ...n(2, 2), ...n(16, 2)]
  const body = bytesOf("WAVE", ...chunks, "fmt ", n(16, 4), format, "data", n(data ?? pcm.length, 4), pcm)
  return bytesOf(tag, n(riff ?? body.length, 4), body)
}

const Pcm = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(300)
)

/** Lengths that writers to a pipe leave: FFmpeg, SoX, arecord, LAME, and those who never came back. */
const OPEN = [0, 0xffff_ffff, 0xffff_ffdb, 0x7fff_ffff, 0x7fff_f000, 0x8000_0000]

describe("Wav", () => {
  it.prop(
    "what a writer left open or another kind of head says, and notes before and bytes after, change no sample",
    { samples: Pcm },
    ({ samples }) => {
      const length = 2 * samples.length
      const stretch = [...number(length + 72, 8), ...number(length, 8), ...number(0, 12)]
      const odd = (pad: ReadonlyArray<number>) => bytesOf("note", number(3, 4), "abc", pad)
      const notes = (bytes: number) => bytesOf("ID3", [4, 0, 0], number(bytes, 4, false), number(0, bytes))
      const files = [
        told(samples),
        ...OPEN.flatMap((open) => [
          told(samples, { riff: open, data: open }),
          told(samples, { riff: Math.min(open + 36, 0xffff_ffff), data: open }),
          told(samples, { tag: "RIFX", riff: open, data: open })
        ]),
        // The length of the file, or too many by a head, is written for that of the data.
        ...[1, 8, 36, 44].map((more) => told(samples, { data: length + more })),
        told(samples, { tag: "RIFX" }),
        ...["RF64", "BW64"].flatMap((tag) =>
          [stretch, number(0, 28), Array<number>(28).fill(255)].map((long) =>
            told(samples, { tag, riff: 0xffff_ffff, data: 0xffff_ffff, chunks: [bytesOf("ds64", number(28, 4), long)] })
          )
        ),
        told(samples, { chunks: [odd([0])] }),
        told(samples, { chunks: [odd([])] }),
        bytesOf(notes(20), told(samples)),
        bytesOf(notes(0), notes(100), told(samples, { tag: "RIFX" })),
        bytesOf(told(samples), "TAG", number(0, 125)),
        bytesOf(told(samples), "LIST", number(5000, 4), "INFO")
      ]
      for (const file of files) {
        const found = Wav.decode(file)
        assert.strictEqual(found.rate, 16_000)
        assert.deepStrictEqual(
          Array.from(found.samples),
          samples.map((x) => x / 32_768)
        )
      }
    }
  )

  it("numbers with the highest byte first are read in every width", () => {
    const file = (codec: number, bits: number, data: ReadonlyArray<number>) => {
      const n = (value: number, bytes: number) => number(value, bytes, false)
      const format = [...n(codec, 2), ...n(1, 2), ...n(8000, 4), ...n(0, 4), ...n(bits / 8, 2), ...n(bits, 2)]
      const body = bytesOf("WAVEfmt ", n(16, 4), format, "data", n(data.length, 4), data)
      return Array.from(Wav.decode(bytesOf("RIFX", n(body.length, 4), body)).samples)
    }
    assert.deepStrictEqual(file(1, 8, [0, 192]), [-1, 0.5])
    assert.deepStrictEqual(file(1, 24, [0x40, 0, 0, 0x80, 0, 0]), [0.5, -1])
    assert.deepStrictEqual(file(1, 32, [0x40, 0, 0, 0]), [0.5])
    assert.deepStrictEqual(file(3, 32, [0x3e, 0x80, 0, 0]), [0.25])
    assert.deepStrictEqual(file(3, 64, [0xbf, 0xe0, 0, 0, 0, 0, 0, 0]), [-0.5])
  })

  it("data without a length are read where a head was not completed or no chunk follows; else there are none", () => {
    const pcm = [0, 1, -1, 20_000]
    assert.strictEqual(Wav.decode(told(pcm, { data: 0 })).samples.length, 4)
    const list = bytesOf("LIST", number(4, 4), "INFO")
    assert.throws(() => Wav.decode(bytesOf(told([], { riff: 48 }), list)), "it holds no samples")
    assert.throws(() => Wav.decode(told([])), "it holds no samples")
  })

  it("a long length that the file lacks is a truncation, in 64 bits too", () => {
    const ds64 = bytesOf("ds64", number(28, 4), number(3072, 8), number(3000, 8), number(0, 12))
    const cut = told([1, 2, 3], { tag: "RF64", riff: 0xffff_ffff, data: 0xffff_ffff, chunks: [ds64] })
    assert.throws(() => Wav.decode(cut), "truncated: its data chunk has 6 of 3000 bytes")
    assert.throws(
      () => Wav.decode(told([1, 2, 3], { riff: 50, data: 14 })),
      "truncated: its data chunk has 6 of 14 bytes"
    )
  })

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
