import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { LinearResize } from "../src/index.ts"
import { golden } from "./media.ts"

const [HEIGHT, WIDTH] = [45, 60]
const picture = golden("resize/picture").data as Uint8Array

const resized = (data: Uint8Array, channels: number, side: number, window: LinearResize.Window) => {
  const out = new Uint8Array(window.size * window.size * channels)
  LinearResize.resizer(WIDTH, HEIGHT, channels, side)(data, window, (row, y) => out.set(row, y * row.length))
  return out
}

describe("LinearResize", () => {
  for (const side of [48, 64, 100]) {
    it(`to ${side} × ${side}: has OpenCV's pixels`, () => {
      const found = resized(picture, 3, side, { top: 0, left: 0, size: side })
      const off = found.reduce(
        (most, x, i) => Math.max(most, Math.abs(x - Number(golden(`resize/${side}`).data[i]))),
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
            const expected = whole[((window.top + y) * side + window.left + x) * 3 + c]
            assert.strictEqual(part[(y * 4 + x) * 3 + c], expected)
            if (c === 2) assert.strictEqual(blue[y * 4 + x], expected)
          }
        }
      }
    }
  )
})
