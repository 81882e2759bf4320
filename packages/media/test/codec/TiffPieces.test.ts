import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Ifd } from "../../src/codec/Ifd.ts"
import * as TiffPieces from "../../src/codec/TiffPieces.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Page = Schema.Struct({
  width: between(1, 40),
  height: between(1, 40),
  /** Rows of a strip, or the side of a tile. */
  side: between(1, 50),
  isTiled: Schema.Boolean,
  isPlanar: Schema.Boolean,
  bits: Schema.Literals([1, 8, 16]),
  count: between(1, 4)
})
type Page = typeof Page.Type

const DIRECTORY = 1_000_000

/** The tags of a page whose pieces lie one after another from a place on, and where they end. */
const page = ({ width, height, side, isTiled, isPlanar, bits, count }: Page, start = 8) => {
  const wide = isTiled ? side : width
  const row = Math.ceil((wide * bits * (isPlanar ? 1 : count)) / 8)
  const rowsOf = (y: number) => (isTiled ? side : Math.min(side, height - y))
  const lengths: Array<number> = []
  for (let plane = 0; plane < (isPlanar ? count : 1); plane++) {
    for (let y = 0; y < height; y += side) {
      for (let x = 0; x < width; x += wide) lengths.push(row * rowsOf(y))
    }
  }
  let end = start
  const offsets = lengths.map((length) => (end += length) - length)
  const tags: Record<number, ReadonlyArray<number>> = isTiled
    ? { 256: [width], 257: [height], 322: [side], 323: [side], 324: offsets, 325: lengths }
    : { 256: [width], 257: [height], 278: [side], 273: offsets, 279: lengths }
  return { tags, end }
}

const ifdOf = (tags: { readonly [tag: number]: ReadonlyArray<number> }): Ifd => ({
  isLittle: true,
  isWhole: true,
  entries: new Map(
    Object.entries(tags).map(([tag, numbers], i) => [
      Number(tag),
      { type: 4, numbers, bytes: new Uint8Array(), at: DIRECTORY + 2 + 12 * i }
    ])
  )
})

describe("TiffPieces", () => {
  it.prop(
    "the pieces of a page fit; without one, with one more, with a shorter one or a byte less of the file they do not",
    [Page],
    ([of]) => {
      const { tags, end } = page(of)
      const [offsets, lengths] = of.isTiled ? [324, 325] : [273, 279]
      const fit = (changed: { readonly [tag: number]: ReadonlyArray<number> }, length = end) =>
        TiffPieces.fit(ifdOf({ ...tags, ...changed }), new Uint8Array(length), { ...of, isPacked: false })
      assert.isTrue(fit({}))
      assert.isFalse(fit({}, end - 1))
      assert.isFalse(fit({ [offsets]: tags[offsets]!.slice(1) }))
      assert.isFalse(fit({ [offsets]: [...tags[offsets]!, 8] }))
      assert.isFalse(fit({ [lengths]: tags[lengths]!.map((length, i) => (i === 0 ? length - 1 : length)) }))
      assert.isFalse(fit({ [offsets]: [] }))
      for (const side of of.isTiled ? [322, 323] : [278, 256]) assert.isFalse(fit({ [side]: [0] }))
    }
  )
})
