import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Keyed, Tensor } from "@igm/tensor"
import { Effect, Layer, Schema } from "effect"
import { Bert, EncoderRuntime, ResNet, type Weights } from "../../src/index.ts"
import * as Formula from "../formula.ts"
import * as Golden from "../golden.ts"

const layers = Layer.mergeAll(NodeServices.layer, EncoderRuntime.layerCpu)

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** An original's state dictionary with an eighth of its channels. */
const slim = (lines: ReadonlyArray<Formula.Line>) =>
  lines.map(([name, shape, ...rest]): Formula.Line => [name, shape.map((d) => (d % 64 === 0 ? d / 8 : d)), ...rest])

/** The features of an architecture, session by session. */
const encoder = Effect.fnUntraced(function* (of: Parameters<typeof Golden.bytes>[0], weights: Weights.Weights) {
  const session = yield* (yield* EncoderRuntime).open(of.name, yield* Golden.bytes(of, weights))
  return (inputs: { readonly [name: string]: Tensor.Tensor }) =>
    Effect.map(session.run(inputs), ({ features }) => features!)
})

const rows = (tensor: Tensor.Tensor, ...indices: ReadonlyArray<number>) => Tensor.takeRows(tensor, indices)

describe("architectures with the originals' weights", () => {
  for (const family of Golden.families) {
    it.effect(`${family}: features are the original's to 1e-5 of the largest`, () =>
      Effect.gen(function* () {
        const golden = yield* Golden.read(family)
        const quick = golden.cases.filter((of) => of.quick)
        assert.isNotEmpty(quick)
        for (const [key, of] of Object.entries(Object.groupBy(quick, graphOf))) {
          const session = yield* Golden.open(of![0]!, golden)
          for (const each of of!) {
            const { features } = yield* session.run(Golden.inputs(each))
            const off = Golden.difference(Golden.thinned(features!, each.every), golden.outputs[each.name]!)
            assert.isAtMost(off, 1e-5, `${each.name} (${key})`)
          }
        }
      }).pipe(Effect.scoped, Effect.provide(layers))
    )
  }
})

const graphOf = ({ of, options, layout }: Golden.Case) => JSON.stringify([of, options, layout])

describe("ResNet", () => {
  it.effect.prop(
    "a batch has the features of its images one by one, whatever their size",
    [Seed, integer(1, 4), integer(32, 70), integer(32, 70)],
    ([seed, count, height, width]) =>
      Effect.gen(function* () {
        const { layouts } = yield* Golden.read("resnet")
        const of = ResNet.make({ depth: 18, channels: 3, output: "pooled", base: 8 })
        const encode = yield* encoder(of, Formula.weights(slim(layouts["resnet18"]!)))
        const image = Formula.input(`images ${seed}`, ["normal", [count, 3, height, width]])
        const together = yield* encode({ image })
        for (let i = 0; i < count; i++) {
          assert.isBelow(Golden.difference(yield* encode({ image: rows(image, i) }), rows(together, i)), 1e-5)
        }
      }).pipe(Effect.scoped, Effect.provide(layers)),
    { arbitrary: { runs: 10 } }
  )

  it.effect("the feature of a clip is the mean of its frames' features", () =>
    Effect.gen(function* () {
      const { layouts } = yield* Golden.read("resnet")
      const weights = Formula.weights(slim(layouts["resnet50"]!))
      const options = { depth: 50, channels: 3, output: "pooled", base: 8 } as const
      const ofClips = yield* encoder(ResNet.make({ ...options, frames: true }), weights)
      const ofImages = yield* encoder(ResNet.make(options), weights)
      const clip = Formula.input("clips", ["normal", [2, 3, 4, 40, 33]])
      const features = yield* ofClips({ clip })
      for (let n = 0; n < 2; n++) {
        const frame = (t: number) => (channel: number) => {
          const at = ((n * 3 + channel) * 4 + t) * 40 * 33
          return Array.from((clip.data as Float32Array).subarray(at, at + 40 * 33))
        }
        const images = [0, 1, 2, 3].flatMap((t) => [0, 1, 2].flatMap(frame(t)))
        const each = yield* ofImages({ image: Tensor.float32([4, 3, 40, 33], images) })
        const mean = Float32Array.from({ length: 256 }, (_, i) => {
          return [0, 1, 2, 3].reduce((sum, t) => sum + Number(each.data[t * 256 + i]) / 4, 0)
        })
        assert.isBelow(Golden.difference(rows(features, n), Tensor.float32([1, 256], mean)), 1e-5)
      }
    }).pipe(Effect.scoped, Effect.provide(layers))
  )
})

describe("Bert", () => {
  for (const output of ["cls", "mean"] as const) {
    it.effect.prop(
      `${output}: what stands beyond the mask changes nothing, nor do the other sentences of a batch`,
      [Seed, integer(1, 20), integer(1, 20), integer(0, 15)],
      ([seed, one, other, padding]) =>
        Effect.gen(function* () {
          const { layouts } = yield* Golden.read("bert")
          const of = Bert.make({ width: 48, heads: 4, output })
          const encode = yield* encoder(of, Formula.weights(layouts["bert-small"]!))
          const stream = Keyed.stream([seed, "sentences"])
          const word = () => BigInt(Keyed.below(stream, 211))
          const sentence = Array.from({ length: one }, word)
          const row = (length: number, width: number, tokens: ReadonlyArray<bigint> = []) => ({
            ids: Array.from({ length: width }, (_, i) => tokens[i] ?? word()),
            mask: Array.from({ length: width }, (_, i) => (i < length ? 1n : 0n))
          })
          const width = Math.max(one, other) + padding
          const batch = (...rows: ReadonlyArray<ReturnType<typeof row>>) => {
            const shape = [rows.length, rows[0]!.ids.length]
            const flat = (of: "ids" | "mask") =>
              Tensor.make("int64", shape, BigInt64Array.from(rows.flatMap((row) => row[of])))
            return { ids: flat("ids"), mask: flat("mask") }
          }
          const alone = yield* encode(batch(row(one, one, sentence)))
          const together = yield* encode(batch(row(one, width, sentence), row(other, width)))
          assert.isBelow(Golden.difference(rows(together, 0), alone), 1e-5)
        }).pipe(Effect.scoped, Effect.provide(layers)),
      { arbitrary: { runs: 15 } }
    )
  }

  it("heads that do not divide the width are refused", () => {
    assert.throws(() => Bert.make({ width: 48, output: "cls" }), "a BERT of width 48 cannot have 0.75 heads")
    assert.throws(() => Bert.make({ width: 48, heads: 5, output: "cls" }), "cannot have 5 heads")
  })

  it.effect("files that begin all names with bert., or call scales gamma, are the same model", () =>
    Effect.gen(function* () {
      const { layouts } = yield* Golden.read("bert")
      const lines = layouts["bert-small"]!
      const now = Formula.weights(lines)
      const before = (name: string) =>
        `bert.${name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")}`
      const names = new Map(lines.map(([name]) => [before(name), name]))
      const old: Weights.Weights = {
        path: "old",
        entries: new Map([...now.entries].map(([name, entry]) => [before(name), entry])),
        read: (name) => now.read(names.get(name)!)
      }
      const of = Bert.make({ width: 48, heads: 4, output: "mean" })
      assert.deepStrictEqual(yield* Golden.bytes(of, old), yield* Golden.bytes(of, now))
      const headed = {
        ...old,
        entries: new Map([...old.entries, ["classifier.weight", { dtype: "f", shape: [2, 48] }]])
      }
      assert.deepStrictEqual(yield* Golden.bytes(of, headed), yield* Golden.bytes(of, now))
    }).pipe(Effect.provide(layers))
  )
})
