import { assert, describe, it } from "@effect/vitest"
import { Keyed, Tensor } from "@igm/tensor"
import { Float64, Ops, Shapes, Tape } from "../src/index.ts"

const random = (shape: ReadonlyArray<number>, ...key: Keyed.Path): Float64.Matrix => {
  const stream = Keyed.stream(["tape", ...key])
  return Tensor.float64(
    shape,
    Float64Array.from({ length: Tensor.sizeOf(shape) }, () => Keyed.normal(stream))
  )
}

/** Everything that `Ops` can do, on a table, indices, and two matrices. */
const everything = <T>(ops: Ops.Ops<T>, { table, rows, a, b }: Ops.Named<T>): Ops.Named<T> => {
  const product = ops.gemm(a!, b!, { transB: true })
  const [left, right] = ops.split(b!, [1, 3])
  const gathered = ops.gather(table!, rows!)
  return {
    product,
    added: ops.gemm(a!, ops.gemm(a!, b!, { transA: true }), { addend: b! }),
    parts: ops.concat([right!, left!], "columns"),
    below: ops.concat([gathered, a!], "rows"),
    pieces: ops.divide(ops.subtract(ops.add(a!, b!), ops.scalar(2)), ops.sqrt(ops.exp(b!))),
    chosen: ops.where(ops.greater(a!, b!), ops.relu(a!), ops.where(ops.equal(a!, a!), b!, a!)),
    logs: ops.logSoftmax(product),
    sums: ops.add(ops.sum(a!, "rows"), ops.multiply(ops.sum(a!, "columns"), ops.sum(a!, "all"))),
    squares: ops.sumSquares(a!),
    flat: ops.flatten(a!)
  }
}

const shapesOf = (heads: ReadonlyArray<number>) => ({
  table: [7, 4],
  rows: [...heads, 3],
  a: [...heads, 5, 4],
  b: [...heads, 5, 4]
})

const inputsOf = (heads: ReadonlyArray<number>): Ops.Named<Float64.Matrix> => {
  const { table, rows, a, b } = shapesOf(heads)
  const indices = Tensor.float64(
    rows,
    Float64Array.from({ length: Tensor.sizeOf(rows) }, (_, i) => (5 * i) % 7)
  )
  return { table: random(table, 1), rows: indices, a: random(a, 2), b: random(b, 3) }
}

const tape = Tape.record(["table", "rows", "a", "b"], everything)

describe("Tape", () => {
  for (const heads of [[], [2]]) {
    it(`computes what was recorded, on ${heads.length === 0 ? "matrices" : "stacks"}`, () => {
      const inputs = inputsOf(heads)
      assert.deepStrictEqual(Tape.run(tape, Float64.ops, inputs), everything(Float64.ops, inputs))
    })

    it(`has the shapes that Shapes says, on ${heads.length === 0 ? "matrices" : "stacks"}`, () => {
      const found = Ops.mapNamed(Tape.run(tape, Float64.ops, inputsOf(heads)), ({ shape }) => shape)
      assert.deepStrictEqual(Tape.run(tape, Shapes.ops, shapesOf(heads)), found)
    })
  }

  it("is plain data: what is sent to another thread computes the same", () => {
    const copy = structuredClone(tape)
    assert.deepStrictEqual(Tape.run(copy, Float64.ops, inputsOf([])), Tape.run(tape, Float64.ops, inputsOf([])))
  })

  it("records equal operations once, and none that no output needs", () => {
    const recorded = Tape.record(["a"], (ops, { a }) => {
      ops.exp(a!)
      return { twice: ops.add(ops.relu(a!), ops.relu(a!)) }
    })
    assert.deepStrictEqual(
      recorded.operations.map(({ op }) => op),
      ["relu", "add"]
    )
  })

  it("records the operands of an operation that is handed to `reduce`, and nothing else", () => {
    const recorded = Tape.record(["a", "b", "c"], (ops, { a, b, c }) => ({ sum: [a!, b!, c!].reduce(ops.add) }))
    assert.deepStrictEqual(
      recorded.operations.map(({ of }) => of),
      [
        [0, 1],
        [3, 2]
      ]
    )
  })

  it("tells what depends on some inputs alone", () => {
    const recorded = Tape.record(["a", "b"], (ops, { a, b }) => ({ c: ops.add(ops.exp(a!), b!) }))
    assert.deepStrictEqual(
      Tape.dependingOn(recorded, (name) => name === "a"),
      [true, false, true, false]
    )
  })

  it("costs what its products cost", () => {
    const recorded = Tape.record(["a", "b"], (ops, { a, b }) => ({ c: ops.gemm(a!, b!, { transA: true }) }))
    const { multiplyAdds, products } = Shapes.costOf(recorded, { a: [3, 5], b: [3, 7] })
    assert.deepStrictEqual([products, multiplyAdds], [1, 3 * 5 * 7])
  })
})
