import { assert, describe, it } from "@effect/vitest"
import { inflateSync } from "node:zlib"
import { Png } from "../../src/index.ts"

describe("Png", () => {
  it("is a picture of the numbers, low frequencies at the bottom", () => {
    const png = Png.heatMap(2, 1, [0, 1])
    assert.deepStrictEqual(Array.from(png.subarray(1, 4)), [0x50, 0x4e, 0x47])
    const size = new DataView(png.buffer).getUint32(33)
    const raw = inflateSync(png.subarray(41, 41 + size))
    assert.deepStrictEqual(Array.from(raw), [0, 252, 255, 164, 0, 0, 0, 4])
  })
})
