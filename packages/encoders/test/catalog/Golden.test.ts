import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Catalog, EncoderRuntime } from "../../src/index.ts"
import * as EncoderCheck from "../../src/catalog/EncoderCheck.ts"
import * as Golden from "../../src/catalog/Golden.ts"

const layers = Layer.mergeAll(NodeServices.layer, EncoderRuntime.layerCpu)

const QUICK = ["resnet18", "resnet18-grey", "resnet18-frames", "bert-base-uncased"] as const

describe("Golden", () => {
  it.effect("every encoder of the catalogue with an original has one, and the quick ones agree here", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const goldens = yield* Golden.read(Golden.FOLDER)
      assert.sameMembers(
        goldens.flatMap(({ encoder, weights }) => ("formula" in weights ? [encoder] : [])),
        Object.keys(Catalog.catalog).filter((name) => !name.startsWith("igm-"))
      )
      for (const name of QUICK) {
        const scratch = yield* fs.makeTempDirectoryScoped()
        const own = goldens.filter(({ encoder }) => encoder === name)
        const { passed, told } = yield* EncoderCheck.architecture(Catalog.catalog[name].architecture, own, scratch)
        assert.isTrue(passed, told)
      }
    }).pipe(Effect.provide(layers))
  )

  const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
  it.prop(
    "the deviation is that of the kept features, relative to the largest, and infinite where a shape or number is amiss",
    { width: Size, every: Size, at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 })) },
    ({ width, every, at }) => {
      const row = Array.from({ length: width }, (_, i) => 2 ** (i % 3))
      const kept = row.filter((_, i) => i % every === 0)
      const base = { encoder: "x", by: "y", weights: { sha256: "" }, inputs: {}, every, tolerance: 0 }
      const golden: Golden.Golden = { ...base, features: [kept] }
      const of = (numbers: ReadonlyArray<number>) =>
        Golden.deviation(golden, Tensor.float32([1, numbers.length], numbers))
      assert.strictEqual(of(row), 0)
      const place = at % width
      const changed = row.map((x, i) => (i === place ? x + 1 : x))
      assert.strictEqual(of(changed), place % every === 0 ? 1 / Math.max(...kept) : 0)
      if (place % every === 0) assert.strictEqual(of(row.map((x, i) => (i === place ? NaN : x))), Infinity)
      assert.strictEqual(of([...row, ...Array.from({ length: every }, () => 1)]), Infinity)
      assert.strictEqual(Golden.deviation(golden, Tensor.float32([2, width], [...row, ...row])), Infinity)
    }
  )
})
