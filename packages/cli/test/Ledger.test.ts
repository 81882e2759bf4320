import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AtomicFile } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { Keyed, Safetensors, Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Layer } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as LedgerCommand from "../src/LedgerCommand.ts"

const options = { labels: "label", tau: 0.4, epochs: 1, radii: [1e-15, 1e-4] }
const layer = Layer.merge(HeadTrainer.layerOnnx.pipe(Layer.provide(OnnxRuntime.layerCpu)), NodeServices.layer)

const told = (tensors: Safetensors.Contents["tensors"]) =>
  Effect.gen(function* () {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    yield* AtomicFile.write(`${folder}/features.safetensors`, Safetensors.encode(tensors))
    return yield* LedgerCommand.ledger(`${folder}/features.safetensors`, options)
  }).pipe(Effect.scoped, Effect.provide(layer))

const features = (n: number, width: number, name: string) => {
  const stream = Keyed.stream(["ledger", name])
  return Tensor.float32(
    [n, width],
    Float32Array.from({ length: n * width }, () => 1 + 0.1 * Keyed.normal(stream))
  )
}
const label = Tensor.make(
  "int64",
  [60],
  BigInt64Array.from({ length: 60 }, (_, i) => BigInt(i % 3))
)

/** The cells of the lines of a table under its title. */
const table = (text: string, title: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .slice(text.indexOf(title))
    .split("\n\n")[0]!
    .split("\n")
    .slice(2)
    .map((line) => line.trim().split(/ {2,}/))

describe("igm ledger", () => {
  it.effect("tells the spectrum of I − P by layer, and that a tiny perturbation moves no weight in float32", () =>
    Effect.gen(function* () {
      const text = yield* told({ audio: features(60, 24, "audio"), video: features(60, 16, "video"), label })
      const spectra = table(text, "I − P by layer")
      assert.strictEqual(spectra.filter(([, head]) => head === "video after audio").length, 6)
      const moved = table(text, "Weights that the perturbation moves")
      assert.deepStrictEqual(moved[0], ["1e-15", "0.000 %", "0.000 %"])
      assert.isAbove(Number.parseFloat(moved[1]![1]!), 10)
      // The first layers differ in width: by shape, the released code never modifies them.
      assert.include(text, "layer 1 has no partner in audio: not modified")
    })
  )

  it.effect("says what is missing in a file that it cannot use", () =>
    Effect.gen(function* () {
      const one = yield* Effect.flip(told({ audio: features(60, 24, "audio"), label }))
      assert.match(one.message, /two modalities or more/)
      const none = yield* Effect.flip(told({ audio: features(60, 24, "audio") }))
      assert.match(none.message, /no labels "label"/)
    })
  )

  const real = fileURLToPath(new URL("../../../../shared/data/cremad-features/our.safetensors", import.meta.url))
  it.effect.skipIf(!existsSync(real))(
    "on real features of CREMA-D, I − P is nearly of rank one on the first layer (skipped without ../shared/data)",
    () =>
      Effect.gen(function* () {
        const text = yield* LedgerCommand.ledger(real, options)
        const first = table(text, "I − P by layer").filter(([, , layer]) => layer === "1")
        assert.isAtLeast(first.length, 3)
        for (const cells of first) assert.isBelow(Number(cells[4]), 0.02 * (1 - Math.exp(-0.4)))
        assert.deepStrictEqual(table(text, "Weights that the")[0], ["1e-15", "0.000 %", "0.000 %"])
      }).pipe(Effect.provide(layer)),
    60_000
  )
})
