import { assert, describe, it } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Schema } from "effect"
import { type Picture, Resize } from "../../src/index.ts"
import * as Kernels from "../../src/Kernels.ts"

const Side = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
const Size = Schema.Struct({ height: Side, width: Side })
const Filter = Schema.Literals(["bilinear", "bicubic"])
const Order = Schema.Literals(["rows-first", "pillow-13"])
const Channels = Schema.Literals([1, 3])

/** A picture of noise, of extremes when `seed` is odd. */
const noise = ({ height, width }: Resize.Size, channels: 1 | 3, seed: number): Picture.Picture => {
  const stream = Keyed.stream(["noise", seed])
  const value = () => (seed % 2 === 0 ? Keyed.below(stream, 256) : 255 * Keyed.below(stream, 2))
  return { height, width, channels, data: Uint8Array.from({ length: height * width * channels }, value) }
}

const cut = ({ width, channels, data }: Picture.Picture, box: Resize.Box): Picture.Picture => ({
  height: box.height,
  width: box.width,
  channels,
  data: Uint8Array.from({ length: box.height * box.width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels)
    const y = box.top + Math.floor(pixel / box.width)
    return data[(y * width + box.left + (pixel % box.width)) * channels + (i % channels)]!
  })
})

const transpose = ({ height, width, channels, data }: Picture.Picture): Picture.Picture => ({
  height: width,
  width: height,
  channels,
  data: Uint8Array.from(data, (_, i) => {
    const pixel = Math.floor(i / channels)
    return data[((pixel % height) * width + Math.floor(pixel / height)) * channels + (i % channels)]!
  })
})

const mirror = (picture: Picture.Picture): Picture.Picture => {
  const { width, channels, data } = picture
  return {
    ...picture,
    data: Uint8Array.from(data, (_, i) => {
      const pixel = Math.floor(i / channels)
      const x = pixel % width
      return data[(pixel - x + width - 1 - x) * channels + (i % channels)]!
    })
  }
}

/** A part of a picture, from two seeds. */
const part = ({ height, width }: Resize.Size, seed: number): Resize.Box => {
  const stream = Keyed.stream(["part", seed])
  const top = Keyed.below(stream, height)
  const left = Keyed.below(stream, width)
  return { top, left, height: 1 + Keyed.below(stream, height - top), width: 1 + Keyed.below(stream, width - left) }
}

const largest = (a: Picture.Picture, b: Picture.Picture): number =>
  a.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.data[i]!)), 0)

describe("Resize", () => {
  it.prop(
    "a picture of one colour keeps it",
    { from: Size, to: Size, filter: Filter, value: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })) },
    ({ from, to, filter, value }) => {
      const picture = { ...from, channels: 3, data: new Uint8Array(from.height * from.width * 3).fill(value) } as const
      const { data } = Resize.resize(picture, to, filter)
      assert.strictEqual(data.length, to.height * to.width * 3)
      assert.isTrue(data.every((x) => x === value))
    }
  )

  it.prop(
    "to its own size a picture stays as it is",
    { size: Size, filter: Filter, channels: Channels, seed: Schema.Int },
    ({ size, filter, channels, seed }) => {
      const picture = noise(size, channels, seed)
      assert.deepStrictEqual(Resize.resize(picture, size, filter), picture)
    }
  )

  it.prop(
    "bilinear values stay between those of the picture",
    { from: Size, to: Size, seed: Schema.Int },
    ({ from, to, seed }) => {
      const picture = noise(from, 1, seed)
      const { data } = Resize.resize(picture, to, "bilinear")
      assert.isAtLeast(Math.min(...data), Math.min(...picture.data))
      assert.isAtMost(Math.max(...data), Math.max(...picture.data))
    }
  )

  it.prop(
    "a part is resized as if it were the whole picture, and a window is what it is of the whole result",
    { from: Size, to: Size, filter: Filter, order: Order, channels: Channels, seed: Schema.Int },
    ({ from, to, filter, order, channels, seed }) => {
      const picture = noise(from, channels, seed)
      const box = part(from, seed)
      const window = part(to, seed + 1)
      const whole = Resize.resize(cut(picture, box), to, filter, { order })
      assert.deepStrictEqual(Resize.resize(picture, to, filter, { box, order }), whole)
      assert.deepStrictEqual(Resize.resize(picture, to, filter, { box, window, order }), cut(whole, window))
    }
  )

  it.prop(
    "a picture that is lent is resized as one of its own",
    { from: Size, to: Size, filter: Filter, order: Order, channels: Channels, seed: Schema.Int },
    ({ from, to, filter, order, channels, seed }) => {
      const picture = noise(from, channels, seed)
      const { data, ...lent } = picture
      const options = { box: part(from, seed), window: part(to, seed + 1), order }
      const got = Kernels.hold(data.length, (at) => {
        Kernels.put(at, data)
        return Resize.resize({ ...lent, at }, to, filter, options)
      })
      assert.deepStrictEqual(got, Resize.resize(picture, to, filter, options))
    }
  )

  it.prop(
    "beyond the result a window is black",
    { from: Size, to: Size, filter: Filter, seed: Schema.Int },
    ({ from, to, filter, seed }) => {
      const picture = noise(from, 3, seed)
      const window = { top: -2, left: -3, height: to.height + 5, width: to.width + 4 }
      const padded = Resize.resize(picture, to, filter, { window })
      const inner = cut(padded, { top: 2, left: 3, ...to })
      assert.deepStrictEqual(inner, Resize.resize(picture, to, filter))
      const total = (data: Uint8Array) => data.reduce((a, b) => a + b, 0)
      assert.strictEqual(total(padded.data), total(inner.data))
    }
  )

  it.prop(
    "the axes are alike: transposing before is transposing after, up to the rounding between the passes",
    { from: Size, to: Size, seed: Schema.Int },
    ({ from, to, seed }) => {
      const picture = noise(from, 3, seed)
      const before = Resize.resize(transpose(picture), { height: to.width, width: to.height }, "bilinear")
      assert.isAtMost(largest(before, transpose(Resize.resize(picture, to, "bilinear"))), 1)
    }
  )

  it.prop(
    "left and right are alike: mirroring before is mirroring after, up to the fixed point",
    { from: Size, to: Size, filter: Filter, seed: Schema.Int },
    ({ from, to, filter, seed }) => {
      const picture = noise(from, 3, seed)
      const before = Resize.resize(mirror(picture), to, filter)
      assert.isAtMost(largest(before, mirror(Resize.resize(picture, to, filter))), 1)
    }
  )

  it("shrinking sees every pixel: lines that lie between the new pixels' centres still count", () => {
    const lines = { height: 64, width: 64, channels: 1, data: new Uint8Array(4096) } as const
    lines.data.forEach((_, i) => (lines.data[i] = i % 16 === 0 ? 255 : 0))
    for (const filter of ["bilinear", "bicubic"] as const) {
      for (const turned of [lines, transpose(lines)]) {
        for (const x of Resize.resize(turned, { height: 4, width: 4 }, filter).data) assert.closeTo(x, 255 / 16, 8)
      }
    }
  })

  it("halves are rounded up", () => {
    const two = { height: 1, width: 2, channels: 1, data: Uint8Array.of(2, 3) } as const
    assert.deepStrictEqual([...Resize.resize(two, { height: 1, width: 1 }, "bilinear").data], [3])
  })

  it("the shorter side gets its length, and the longer one is rounded down, as torchvision has it", () => {
    assert.deepStrictEqual(Resize.toShorter({ height: 375, width: 500 }, 256), { height: 256, width: 341 })
    assert.deepStrictEqual(Resize.toShorter({ height: 500, width: 375 }, 256), { height: 341, width: 256 })
    assert.deepStrictEqual(Resize.toShorter({ height: 3, width: 3 }, 7), { height: 7, width: 7 })
  })
})
