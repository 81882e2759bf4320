import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Orientation from "../../src/codec/Orientation.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A picture whose pixels are all different. */
const pictureOf = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => i)
})

/** The orientation that undoes another one: of quarter turns, the other quarter turn. */
const UNDO = [1, 2, 3, 4, 5, 8, 7, 6]

describe("Orientation", () => {
  it.prop(
    "a turn and the one that undoes it leave a picture as it was",
    [between(1, 9), between(1, 9), between(1, 8)],
    ([width, height, of]) => {
      const picture = pictureOf(width, height)
      const turned = Orientation.turned(picture, of)
      assert.deepStrictEqual([turned.width, turned.height], of >= 5 ? [height, width] : [width, height])
      assert.deepStrictEqual(Orientation.turned(turned, UNDO[of - 1]!), picture)
    }
  )

  it("6 is a quarter turn clockwise", () => {
    const [a, b] = [
      [1, 2, 3],
      [4, 5, 6]
    ] as const
    // Side by side they become one above the other, and one above the other the lower comes to the left.
    const row = { width: 2, height: 1, data: Uint8Array.of(...a, ...b) }
    assert.deepStrictEqual([...Orientation.turned(row, 6).data], [...a, ...b])
    const column = { width: 1, height: 2, data: Uint8Array.of(...a, ...b) }
    assert.deepStrictEqual([...Orientation.turned(column, 6).data], [...b, ...a])
  })
})
