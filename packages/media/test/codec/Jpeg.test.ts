import { assert, describe, it } from "@effect/vitest"
import { Safetensors } from "@igm/tensor"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import sharp, { type JpegOptions } from "sharp"
import { casesOf } from "../parity/images.ts"
import * as Jpeg from "../../src/codec/Jpeg.ts"
import * as Kernels from "../../src/Kernels.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A made-up picture, how it is encoded, and what is then changed in the file. */
const Case = Schema.Struct({
  width: between(1, 70),
  height: between(1, 70),
  seed: between(1, 1e6),
  quality: between(1, 100),
  chromaSubsampling: Schema.Literals(["4:2:0", "4:4:4"]),
  optimiseCoding: Schema.Boolean,
  isGrey: Schema.Boolean
})
type Case = typeof Case.Type

const pictureOf = ({ width, height, seed }: Case): Uint8Array =>
  Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % width
    const noise = (Math.imul(i + seed, 2_654_435_761) >>> 24) * ((seed % 5) / 5)
    return Math.min(255, 128 + 60 * Math.sin(x / (1 + (seed % 7)) + (i % 3)) + noise / 2)
  })

const encoded = (of: Case, options: JpegOptions = {}): Promise<Buffer> => {
  const { width, height, quality, chromaSubsampling, optimiseCoding, isGrey } = of
  const raw = sharp(pictureOf(of), { raw: { width, height, channels: 3 } })
  const image = isGrey ? raw.toColourspace("b-w") : raw
  return image.jpeg({ quality, chromaSubsampling, optimiseCoding, ...options }).toBuffer()
}

const byUs = (file: Uint8Array) =>
  Jpeg.decode(file, 1e6, ({ width, height, at }) => Kernels.bytes(at, 3 * width * height).slice())

const byLibrary = (file: Uint8Array) =>
  sharp(file, { failOn: "truncated", ignoreIcc: true })
    .removeAlpha()
    .raw()
    .toBuffer()
    .catch(() => undefined)

const same = (ours: Uint8Array, theirs: Uint8Array | undefined, why: string) =>
  assert.isTrue(theirs !== undefined && Buffer.from(theirs).equals(ours), why)

/** What is done to a file: a byte of it is another, in what precedes the data or anywhere. */
const Change = Schema.Struct({ at: between(2, 1 << 20), byte: between(0, 255), isHead: Schema.Boolean })

const goldens = casesOf(Safetensors.decode(readFileSync(new URL("../golden/images.safetensors", import.meta.url))))
const goldenFile = (name: string) => goldens.find((of) => of.name === name)!.tensor("file")!.data as Uint8Array

describe("Jpeg", () => {
  it.effect.prop(
    "has the library's pixels of every size, quality and sampling",
    [Case],
    ([of]) =>
      Effect.promise(async () => {
        const file = await encoded(of)
        const ours = byUs(file)
        // Colour of so few columns is left to the library.
        if (ours === undefined) return assert.isTrue(!of.isGrey && of.chromaSubsampling === "4:2:0" && of.width <= 4)
        same(ours, await byLibrary(file), JSON.stringify(of))
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect.prop(
    "a file that was changed anywhere is left alone, or has the library's pixels",
    [Case, Schema.Array(Change), between(0, 3), Schema.Literals(["made up", "jpeg-422.jpg", "jpeg-restart.jpg"])],
    ([of, changes, cut, which]) =>
      Effect.promise(async () => {
        const file = which === "made up" ? await encoded(of) : Buffer.from(goldenFile(which))
        const head = file.indexOf(Uint8Array.of(0xff, 0xda))
        for (const { at, byte, isHead } of changes) file[at % (isHead ? head : file.length)] = byte
        const part = cut === 0 ? file.subarray(0, (file.length * (of.seed % 100)) / 100) : file
        const ours = byUs(part)
        if (ours !== undefined) same(ours, await byLibrary(part), JSON.stringify({ of, changes, cut, which }))
      }),
    { arbitrary: { runs: 400 } }
  )

  it("leaves alone what is progressive, too large, or followed by anything but the end", async () => {
    const of: Case = {
      width: 33,
      height: 20,
      seed: 7,
      quality: 80,
      chromaSubsampling: "4:2:0",
      optimiseCoding: false,
      isGrey: false
    }
    assert.isUndefined(byUs(await encoded(of, { progressive: true })))
    const file = await encoded(of)
    assert.isDefined(byUs(file))
    assert.isUndefined(Jpeg.decode(file, 33 * 20 - 1, () => true))
    assert.isUndefined(byUs(file.subarray(0, -1)))
    assert.isUndefined(byUs(Buffer.concat([file.subarray(0, -2), Uint8Array.of(0xff, 0xda, 0, 0)])))
    assert.isUndefined(byUs(Buffer.concat([file.subarray(0, -2), Uint8Array.of(1, 0xff, 0xd9)])))
  })

  it("leaves alone what libraries refuse: a code of ones, restarts of another length, sides beyond 65,500", async () => {
    const plain: Case = {
      width: 16,
      height: 16,
      seed: 3,
      quality: 80,
      chromaSubsampling: "4:4:4",
      optimiseCoding: false,
      isGrey: true
    }
    const file = await encoded(plain)
    const table = file.indexOf(Uint8Array.of(0xff, 0xc4)) + 5
    assert.deepStrictEqual([...file.subarray(table, table + 9)], [0, 1, 5, 1, 1, 1, 1, 1, 1])
    const ones = Buffer.from(file)
    ones.set([2, 0], table + 7)
    const restart = (bytes: ReadonlyArray<number>) =>
      Buffer.concat([file.subarray(0, 2), Uint8Array.from(bytes), file.subarray(2)])
    const sides = Buffer.from(file)
    sides.writeUInt16BE(65_504, file.indexOf(Uint8Array.of(0xff, 0xc0)) + 7)
    for (const one of [ones, restart([0xff, 0xdd, 0, 6, 0, 0, 0, 0]), restart([0xff, 0xdd, 0, 2]), sides]) {
      assert.isUndefined(byUs(one))
      assert.isUndefined(await byLibrary(one))
    }
    assert.isDefined(byUs(restart([0xff, 0xdd, 0, 4, 0, 0])))
  })
})
