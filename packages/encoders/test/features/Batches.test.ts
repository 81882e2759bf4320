import { assert, describe, it } from "@effect/vitest"
import { Memory, Tensor } from "@igm/tensor"
import { Arbitrary, Schema } from "effect"
import * as Batches from "../../src/features/Batches.ts"

const ports = { ids: { dtype: "int64", shape: ["length"] }, mask: { dtype: "int64", shape: ["length"] } } as const

/** A sample whose ids are its length, 1 … */
const item = (at: number, length: number): Batches.Item => {
  const row = (value: (i: number) => number) =>
    Tensor.make(
      "int64",
      [length],
      BigInt64Array.from({ length }, (_, i) => BigInt(value(i)))
    )
  return { at, tensors: { ids: row((i) => 100 * at + i + 1), mask: row(() => 1) } }
}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Case = Schema.Struct({
  lengths: Schema.Array(between(1, 20)),
  size: between(1, 5),
  most: between(1, 12),
  multiple: between(1, 8)
})

describe("Batches", () => {
  it.prop(
    "every sample is in one batch, with its own numbers before its padding, and bounded numbers wait",
    [Arbitrary.schema(Case)],
    ([{ lengths, size, most, multiple }]) => {
      const collector = Batches.collector(ports, size, most, multiple)
      const pool = Memory.pool()
      let waiting = 0
      const batches = lengths.flatMap((length, at) => {
        const full = collector.add(item(at, length))
        waiting += 1 - full.flat().length
        assert.isBelow(waiting, most)
        return full
      })
      batches.push(...collector.rest())
      assert.deepStrictEqual(
        batches
          .flat()
          .map(({ at }) => at)
          .toSorted((a, b) => a - b),
        lengths.map((_, at) => at)
      )
      for (const batch of batches) {
        assert.isAtMost(batch.length, size)
        const stacked = Batches.stack(ports, batch, multiple, pool)
        const { ids, mask } = stacked
        const wide = ids!.shape[1]!
        // What a sample is padded to depends on its own length alone.
        for (const { at } of batch) assert.strictEqual(wide, Math.ceil(lengths[at]! / multiple) * multiple)
        batch.forEach(({ at }, row) => {
          const numbers = Array.from(ids!.data.slice(row * wide, (row + 1) * wide), Number)
          const given = Array.from(mask!.data.slice(row * wide, (row + 1) * wide), Number)
          const own = Array.from({ length: lengths[at]! }, (_, i) => 100 * at + i + 1)
          assert.deepStrictEqual(numbers, [...own, ...Array.from({ length: wide - own.length }, () => 0)])
          assert.strictEqual(
            given.reduce((a, b) => a + b, 0),
            own.length
          )
        })
        const middle = batch.length >> 1
        const [first, second] = [Batches.part(stacked, 0, middle), Batches.part(stacked, middle, batch.length)]
        assert.deepStrictEqual([...first["ids"]!.data, ...second["ids"]!.data], [...ids!.data])
        assert.deepStrictEqual(second["mask"]!.shape, [batch.length - middle, wide])
        Batches.give(stacked, pool)
      }
    }
  )

  it("pads any free axis of a tensor, and leaves fixed ones", () => {
    const clip = { clip: { dtype: "float32", shape: [2, "frames", "width"] } } as const
    const data = Float32Array.from({ length: 2 * 2 * 3 }, (_, i) => i + 1)
    const { clip: stacked } = Batches.stack(
      clip,
      [{ at: 0, tensors: { clip: Tensor.float32([2, 2, 3], data) } }],
      4,
      Memory.pool()
    )
    assert.deepStrictEqual(stacked!.shape, [1, 2, 4, 4])
    const rows = [1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    const next = rows.map((x) => (x === 0 ? 0 : x + 6))
    assert.deepStrictEqual(Array.from(stacked!.data as Float32Array), [...rows, ...next])
  })
})
