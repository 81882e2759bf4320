import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, Progress } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { Digest, Keyed, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer, Path, Ref } from "effect"
import { DigitEncoders, Encoder, FeatureStore } from "../src/index.ts"

const layers = Layer.mergeAll(NodeServices.layer, OnnxRuntime.layerCpu, Progress.layerSilent)

const MAX_BYTES = 3_000_000

const sample = (encoder: Encoder.Encoder, i: number) => {
  const data = Keyed.normals(Keyed.stream(["sample", i]), Tensor.sizeOf(encoder.input))
  return Tensor.toFloat32(Tensor.float64(encoder.input, data))
}

describe("DigitEncoders", () => {
  it.effect("are the files that their digests say, small, and give 128 features a sample whatever the batch", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const encoder of [DigitEncoders.audio, DigitEncoders.image]) {
        assert.isAtMost((yield* fs.readFile(encoder.file)).length, MAX_BYTES)
        const { encode } = yield* Encoder.open(encoder)
        const [a, b] = [sample(encoder, 1), sample(encoder, 2)]
        const both = yield* encode(Tensor.stack([a, b]))
        assert.deepStrictEqual(both.shape, [2, 128])
        const alone = yield* encode(Tensor.stack([b]))
        alone.data.forEach((x, i) => assert.closeTo(x, both.data[128 + i]!, 1e-4))
      }
    }).pipe(Effect.provide(layers))
  )
})

describe("Encoder", () => {
  it.effect("a damaged, missing or unfitting file is an error that names it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const file = path.join(yield* fs.makeTempDirectoryScoped(), "encoder.onnx")
      const bytes = yield* fs.readFile(DigitEncoders.image.file)
      const problem = (encoder: Partial<Encoder.Encoder>) =>
        Effect.flip(Encoder.open({ ...DigitEncoders.image, file, ...encoder })).pipe(
          Effect.map(({ message }) => message)
        )
      assert.include(yield* problem({}), `${file}: the encoder digit-image cannot be read`)
      yield* fs.writeFile(file, bytes.slice(0, 100_000))
      assert.include(yield* problem({}), `${file}: the file of encoder digit-image is damaged`)
      const digest = Digest.ofBytes(bytes.slice(0, 100_000))
      assert.include(yield* problem({ digest }), `${file}: onnxruntime cannot open the encoder digit-image`)
      yield* fs.writeFile(file, bytes)
      assert.include(yield* problem({ width: 512 }), "should map [batch, 1, 28, 28] to [batch, 512]")
    }).pipe(Effect.provide(layers))
  )
})

describe("FeatureStore", () => {
  it.effect("encodes once, in the samples' order, and reads the same features back", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const loads = yield* Ref.make(0)
      const encoder = DigitEncoders.image
      const request = {
        encoder,
        label: "test",
        key: { samples: "made up" },
        count: 40,
        load: (i: number) => Ref.update(loads, (n) => n + 1).pipe(Effect.as(sample(encoder, i)))
      }
      const store = ArtifactStore.layer(yield* fs.makeTempDirectoryScoped())
      const first = yield* FeatureStore.encode(request).pipe(Effect.provide(store))
      const second = yield* FeatureStore.encode(request).pipe(Effect.provide(store))
      assert.strictEqual(yield* Ref.get(loads), 40)
      assert.deepStrictEqual([first.artifact.reused, second.artifact.reused], [false, true])
      assert.deepStrictEqual(second.features, first.features)
      const { encode } = yield* Encoder.open(encoder)
      const last = yield* encode(Tensor.stack([sample(encoder, 39)]))
      last.data.forEach((x, i) => assert.closeTo(first.features.data[39 * 128 + i]!, x, 1e-4))
      const other = yield* FeatureStore.encode({ ...request, key: { samples: "others" } }).pipe(Effect.provide(store))
      assert.isFalse(other.artifact.reused)
    }).pipe(Effect.provide(layers))
  )
})
