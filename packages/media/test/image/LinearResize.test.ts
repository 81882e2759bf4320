import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { golden } from "../media.ts"
import { LinearResize } from "../../src/index.ts"

const [HEIGHT, WIDTH] = [45, 60]
const picture = golden("resize/picture").data as Uint8Array

const AS_IS = Float32Array.from({ length: 256 }, (_, v) => v)

/** A window, channel after channel. */
const resized = (data: Uint8Array, channels: 1 | 3, side: number, window: LinearResize.Window) => {
  const plane = window.size * window.size
  const out = new Float32Array(plane * channels)
  const each = Array.from({ length: channels }, (_, c) => c)
  const target = { values: each.map(() => AS_IS), out, starts: each.map((c) => c * plane) }
  LinearResize.resizer(WIDTH, HEIGHT, channels, side)(data, window, target)
  return out
}

describe("LinearResize", () => {
  for (const side of [48, 64, 100]) {
    it(`to ${side} × ${side}: has OpenCV's pixels`, () => {
      const found = resized(picture, 3, side, { top: 0, left: 0, size: side })
      const theirs = golden(`resize/${side}`).data
      const plane = side * side
      const off = found.reduce(
        (most, x, i) => Math.max(most, Math.abs(x - Number(theirs[(i % plane) * 3 + Math.floor(i / plane)]))),
        0
      )
      assert.strictEqual(off, 0)
    })
  }

  const Side = Schema.Int.check(Schema.isBetween({ minimum: 8, maximum: 90 }))
  it.prop(
    "a window is that part of the whole, and a channel alone is that channel",
    { side: Side, at: Side },
    ({ side, at }) => {
      const window = { top: at % (side - 4), left: (7 * at) % (side - 4), size: 4 }
      const whole = resized(picture, 3, side, { top: 0, left: 0, size: side })
      const part = resized(picture, 3, side, window)
      const blue = resized(
        picture.filter((_, i) => i % 3 === 2),
        1,
        side,
        window
      )
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 4; x++) {
          for (let c = 0; c < 3; c++) {
            const expected = whole[(c * side + window.top + y) * side + window.left + x]
            assert.strictEqual(part[(c * 4 + y) * 4 + x], expected)
            if (c === 2) assert.strictEqual(blue[y * 4 + x], expected)
          }
        }
      }
    }
  )
})
