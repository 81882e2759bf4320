import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Safetensors, Tensor } from "@igm/tensor"
import { Arbitrary, Effect, FileSystem, Schema } from "effect"
import * as Rows from "../../src/features/Rows.ts"
import { digestOf } from "../samples.ts"

const WIDTH = 3
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A file of rows, each of which is `first`, `first` + 1 … */
const fileOf = Effect.fnUntraced(function* (first: number, count: number, width = WIDTH) {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped()}/rows.safetensors`
  const data = Float32Array.from({ length: count * width }, (_, i) => first + i)
  yield* fs.writeFile(file, Safetensors.encode({ features: Tensor.float32([count, width], data) }))
  return file
})

describe("Rows", () => {
  it.effect.prop(
    "rows that lie anywhere in several files come into one in the order of the samples",
    [Arbitrary.schema(Schema.Struct({ counts: Schema.Array(between(1, 5)), order: Schema.Array(between(0, 19)) }))],
    ([{ counts, order }]) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const index = new Map<string, Rows.Row>()
        const expected = new Map<string, ReadonlyArray<number>>()
        for (const [at, count] of [...counts, 1].entries()) {
          const file = yield* fileOf(1000 * at, count)
          const offset = yield* Rows.offsetOf(file)
          for (let row = 0; row < count; row++) {
            const sample = digestOf(index.size)
            index.set(sample, { file, offset, row })
            expected.set(
              sample,
              [0, 1, 2].map((i) => 1000 * at + row * WIDTH + i)
            )
          }
        }
        const all = [...index.keys()]
        const samples = order.map((i) => all[i % all.length]!)
        const to = `${yield* fs.makeTempDirectoryScoped()}/all.safetensors`
        yield* Rows.write(to, samples, index, WIDTH)
        const { features } = Safetensors.decode(yield* fs.readFile(to)).tensors
        assert.deepStrictEqual(features!.shape, [samples.length, WIDTH])
        assert.deepStrictEqual(
          [...(features!.data as Float32Array)],
          samples.flatMap((sample) => expected.get(sample)!)
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 30 } }
  )

  it.effect("are read some at a time", () =>
    Effect.gen(function* () {
      const [count, width] = [1000, 700]
      const file = yield* fileOf(0, count, width)
      const run = { file, offset: yield* Rows.offsetOf(file), row: 0, count }
      let [row, pieces] = [0, 0]
      yield* Rows.each(run, width, ({ data, shape }) =>
        Effect.sync(() => {
          data.forEach((x, i) => assert.strictEqual(x, row * width + i))
          row += shape[0]!
          pieces++
        })
      )
      assert.strictEqual(row, count)
      assert.isAbove(pieces, 1)
      const error = yield* Effect.flip(Rows.each({ ...run, count: count + 1 }, width, () => Effect.void))
      assert.include(error.message, `${file}: cannot read this file`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
