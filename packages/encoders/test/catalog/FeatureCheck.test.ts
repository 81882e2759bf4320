import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"
import { EncoderError } from "../../src/index.ts"
import * as FeatureCheck from "../../src/catalog/FeatureCheck.ts"
import type { OpenModel } from "../../src/catalog/OpenModel.ts"

type Row = ReadonlyArray<number>

/** A model of rows of 4 numbers, which gives as many. */
const model = (
  of: (rows: ReadonlyArray<Row>) => ReadonlyArray<Row>,
  shape: ReadonlyArray<number | string> = [4]
): OpenModel => ({
  inputs: { x: { dtype: "float32", shape } },
  output: "y",
  width: 4,
  encode: ({ x }) =>
    Effect.try({
      try: () => {
        const rows = Array.from({ length: x!.shape[0]! }, (_, i) => Array.from(x!.data.slice(4 * i, 4 * i + 4), Number))
        const given = of(rows)
        return Tensor.float32([given.length, 4], given.flat())
      },
      catch: (cause) => new EncoderError({ path: "model", problem: `running it failed: ${(cause as Error).message}` })
    })
})

const check = (of: OpenModel) => FeatureCheck.make("model", of, undefined)

const problem = (of: OpenModel) => Effect.map(Effect.flip(check(of)), ({ problem }) => problem)

const mean = (rows: ReadonlyArray<Row>, axis: number) => rows.reduce((sum, row) => sum + row[axis]!, 0) / rows.length

const DEPENDS =
  /^a sample's features depend on what else is in its batch: .* deviate by [\d.]+e[+-]\d of the largest, .*\(model\.eval\(\)\)/

describe("FeatureCheck", () => {
  it.effect.prop(
    "features of a sample alone pass, with the rounding that sums in another order have, and others do not",
    { a: Schema.Int, share: Schema.Finite.check(Schema.isBetween({ minimum: 0.02, maximum: 1 })) },
    ({ a, share }) =>
      Effect.gen(function* () {
        const own = (row: Row): Row => row.map((x, i) => Math.sin(x + (a % 100)) + row[(i + 1) % 4]!)
        const { passed, told } = yield* check(model((rows) => rows.map(own)))
        assert.isTrue(passed, told)
        const rounded = (rows: ReadonlyArray<Row>) =>
          rows.map((row) => own(row).map((x) => x * (1 + 1e-5 * rows.length)))
        assert.isTrue((yield* check(model(rounded))).passed)
        const centred = (rows: ReadonlyArray<Row>) =>
          rows.map((row) => own(row).map((x, i) => x - share * mean(rows, i)))
        assert.match(yield* problem(model(centred)), DEPENDS)
        const placed = (rows: ReadonlyArray<Row>) => rows.map((row, i) => own(row).map((x) => x + share * i))
        assert.match(yield* problem(model(placed)), DEPENDS)
        const counted = (rows: ReadonlyArray<Row>) =>
          rows.map((row) => own(row).map((x) => x * (1 + share * rows.length)))
        assert.match(yield* problem(model(counted)), DEPENDS)
        const summed = (rows: ReadonlyArray<Row>) =>
          rows.map((row, i) => own(row).map((x) => x + share * (rows[i - 1]?.[0] ?? 0)))
        assert.match(yield* problem(model(summed)), DEPENDS)
      }),
    { arbitrary: { runs: 30 } }
  )

  it.effect("a model that fails as it would be used is an error with the reason", () =>
    Effect.gen(function* () {
      const fails = (on: (count: number) => boolean) => (rows: ReadonlyArray<Row>) => {
        if (on(rows.length)) throw new Error("the input cannot be reshaped")
        return rows
      }
      assert.strictEqual(yield* problem(model(fails(() => true))), "running it failed: the input cannot be reshaped")
      for (const count of [1, 3]) {
        assert.strictEqual(
          yield* problem(model(fails((n) => n === count))),
          `of a batch of ${count}, running it failed: the input cannot be reshaped`
        )
      }
      // Sizes that are guessed may be wrong: that is told, and not checked.
      const { passed, told } = yield* check(
        model(
          fails(() => true),
          ["length"]
        )
      )
      assert.deepStrictEqual(
        [passed, told],
        [false, "it does not take inputs of sizes that were guessed: running it failed: the input cannot be reshaped"]
      )
      // But not where one sample of them can be taken, as by what was traced on a batch of one.
      assert.strictEqual(
        yield* problem(
          model(
            fails((count) => count > 1),
            ["length"]
          )
        ),
        "it takes one sample, but no batch of two: running it failed: the input cannot be reshaped"
      )
      assert.match(
        yield* problem(model((rows) => rows.map((row) => row.map(() => 7)))),
        /the same for different samples/
      )
      assert.match(yield* problem(model((rows) => rows.slice(1))), /of 2 samples it gives \[1, 4\], not \[2, 4\]/)
      let times = 0
      const drifting = model((rows) => rows.map((row) => row.map((x) => x + 1e-3 * times++)))
      assert.match(yield* problem(drifting), /differ from one run to the next: export it in evaluation mode/)
    })
  )
})
