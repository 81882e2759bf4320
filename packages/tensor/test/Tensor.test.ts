import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Tensor } from "../src/index.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))

describe("The rows and columns of a matrix", () => {
  it.prop("hold its numbers by their places, each by itself as all together", [Size, Size], ([n, m]) => {
    const matrix = Tensor.float32(
      [n, m],
      Array.from({ length: n * m }, (_, i) => i / 3)
    )
    const [rows, columns] = [Tensor.rows(matrix), Tensor.columns(matrix)]
    assert.deepStrictEqual(
      rows,
      Array.from({ length: n }, (_, i) => Tensor.row(matrix, i))
    )
    assert.deepStrictEqual(
      columns,
      Array.from({ length: m }, (_, j) => Tensor.column(matrix, j))
    )
    rows.forEach((row, i) => row.forEach((x, j) => assert.strictEqual(x, matrix.data[i * m + j])))
    columns.forEach((column, j) => column.forEach((x, i) => assert.strictEqual(x, matrix.data[i * m + j])))
    assert.isTrue(rows.every(({ length }) => length === m) && columns.every(({ length }) => length === n))
  })

  it("are plain numbers, so that what is computed of them is not rounded", () => {
    const [row] = Tensor.rows(Tensor.float32([1, 2], [1, 2]))
    assert.deepStrictEqual(
      row!.map((x) => x + 1e-12),
      [1 + 1e-12, 2 + 1e-12]
    )
    assert.deepStrictEqual(Tensor.column(Tensor.make("int64", [2, 1], BigInt64Array.of(3n, 4n)), 0), [3, 4])
  })

  it("are errors where there are none", () => {
    const matrix = Tensor.float64([2, 3], [1, 2, 3, 4, 5, 6])
    assert.throws(() => Tensor.row(matrix, 2), "row 2 of a tensor with 2 rows")
    assert.throws(() => Tensor.column(matrix, -1), "column -1 of a tensor with 3 columns")
    assert.throws(() => Tensor.rows(Tensor.float64([2], [1, 2])), "a tensor of shape [2] is no matrix")
  })
})
