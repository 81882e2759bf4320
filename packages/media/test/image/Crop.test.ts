import { assert, describe, it } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Schema } from "effect"
import { Crop, type Resize } from "../../src/index.ts"

const Side = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 600 }))
const Size = Schema.Struct({ height: Side, width: Side })
const bounds = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const
const stream = (...path: Keyed.Path) => Keyed.stream(["crop", ...path])

const isInside = ({ top, left, height, width }: Resize.Box, of: Resize.Size) =>
  top >= 0 && left >= 0 && height > 0 && width > 0 && top + height <= of.height && left + width <= of.width

/** The means of top, left, height and width, and their deviations, over many crops of 375 × 500. */
const statistics = (scale: readonly [number, number]) => {
  const draws = stream("statistics", ...scale)
  const boxes = Array.from({ length: 20_000 }, () => {
    const { top, left, height, width } = Crop.random(draws, { height: 375, width: 500 }, { ...bounds, scale })
    return [top, left, height, width]
  })
  const mean = (f: (box: ReadonlyArray<number>) => number) => boxes.reduce((sum, box) => sum + f(box), 0) / 20_000
  const means = [0, 1, 2, 3].map((i) => mean((box) => box[i]!))
  return [...means, ...[0, 1, 2, 3].map((i) => Math.sqrt(mean((box) => (box[i]! - means[i]!) ** 2)))]
}

describe("Crop", () => {
  it.prop(
    "a random part lies inside, and its stream draws it again",
    { of: Size, seed: Schema.Int },
    ({ of, seed }) => {
      const first = Crop.random(stream(seed), of, bounds)
      assert.isTrue(isInside(first, of))
      assert.deepStrictEqual(Crop.random(stream(seed), of, bounds), first)
    }
  )

  it("another stream draws another part", () => {
    const boxes = Array.from({ length: 50 }, (_, i) => Crop.random(stream(i), { height: 300, width: 400 }, bounds))
    assert.strictEqual(new Set(boxes.map((box) => JSON.stringify(box))).size, 50)
  })

  it("parts are distributed as torchvision's: means and deviations of 100,000 draws", () => {
    // RandomResizedCrop.get_params of an image of 375 × 500, torchvision 0.28, seed 0.
    const wide = [52.307, 108.668, 270.281, 282.027, 50.77, 80.295, 70.389, 86.458]
    const narrow = [18.883, 66.222, 337.155, 367.517, 18.789, 48.502, 26.125, 50.791]
    statistics([0.08, 1]).forEach((x, i) => assert.closeTo(x, wide[i]!, 2.2))
    statistics([0.5, 1]).forEach((x, i) => assert.closeTo(x, narrow[i]!, 1.4))
  })

  it("in a strip, where no draw fits, it is the middle, cut to the nearest ratio allowed", () => {
    const all = { scale: [1, 1], ratio: bounds.ratio } as const
    assert.deepStrictEqual(Crop.random(stream(), { height: 1000, width: 30 }, all), {
      top: 480,
      left: 0,
      height: 40,
      width: 30
    })
    assert.deepStrictEqual(Crop.random(stream(), { height: 30, width: 1000 }, all), {
      top: 0,
      left: 480,
      height: 30,
      width: 40
    })
  })

  it("the middle is torchvision's, halves going to the even side, and beyond small pictures", () => {
    const start = (whole: number, size: number) =>
      Crop.centre({ height: whole, width: 9 }, { height: size, width: 9 }).top
    // int(round((whole − size) / 2.0)) in Python, and the padding −((size − whole) // 2).
    assert.deepStrictEqual([start(256, 224), start(229, 224), start(231, 224), start(224, 224)], [16, 2, 4, 0])
    assert.deepStrictEqual([start(10, 13), start(10, 14)], [-1, -2])
  })
})
