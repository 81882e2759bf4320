/**
 * Where encoders run. On WebGPU the test of features runs where there is an adapter: Debian's package chromium has one in
 * software, `VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json npx vitest run packages/encoders/test/EncoderRuntime.test.ts`.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, Progress } from "@igm/io"
import { FirstAvailable } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer, Result } from "effect"
import { DigitEncoders } from "@igm/av-digits"
import { Encoder, EncoderRuntime, FeatureStore } from "../src/index.ts"
import * as Golden from "./golden.ts"
import { digestOf, sample } from "./samples.ts"

/** A runtime in this scope, or why there is none. */
const runtime = (choice: "cuda" | "webgpu") => Effect.result(Layer.build(EncoderRuntime.layer(choice)))

/** An encoder with so many samples. */
interface Encoded {
  readonly encoder: Encoder.Encoder
  readonly count: number
  readonly sample: (i: number) => Encoder.Tensors
}

/** The case of a golden file as an encoder, with its samples without the zeros behind them. */
const ofCase = Effect.fnUntraced(function* (family: "resnet" | "bert", name: string, folder: string) {
  const golden = yield* Golden.read(family)
  const found = golden.cases.find((one) => one.name === name)!
  const encoder = yield* Golden.encoder(found, golden, folder)
  const inputs = Golden.inputs(found)
  const [, of] = found.inputs["mask"] ?? []
  const lengths = of as ReadonlyArray<number> | undefined
  const row = (tensor: Tensor.Tensor, i: number): Tensor.Tensor => {
    const { shape, data, dtype } = Tensor.takeRows(tensor, [i])
    return lengths === undefined
      ? Tensor.make(dtype, shape.slice(1), data)
      : Tensor.make(dtype, [lengths[i]!], data.subarray(0, lengths[i]!))
  }
  const encoded: Encoded = {
    encoder,
    count: Object.values(inputs)[0]!.shape[0]!,
    sample: (i) => Object.fromEntries(Object.entries(inputs).map(([port, tensor]) => [port, row(tensor, i)]))
  }
  return encoded
})

const digits = (encoder: (typeof DigitEncoders)["audio" | "image"]): Encoded => ({
  encoder: Encoder.make(encoder),
  count: 3,
  sample: (i) => sample(encoder, i)
})

/** The features of all samples through a store, on the runtime at hand. */
const features = ({ encoder, count, sample }: Encoded) =>
  FeatureStore.encode({
    encoder,
    label: encoder.name,
    preprocessing: {},
    multiple: 8,
    samples: Array.from({ length: count }, (_, i) => digestOf(i)),
    load: (i) => Effect.sync(() => sample(i))
  })

describe("EncoderRuntime", () => {
  it.effect("runs on the processor, and says so", () =>
    Effect.gen(function* () {
      const { info } = yield* EncoderRuntime
      assert.deepStrictEqual([info.provider, info.version, info.refused], ["cpu", "1.29.0", []])
      assert.isNotEmpty(info.device)
    }).pipe(Effect.provide(EncoderRuntime.layerCpu))
  )

  it.live(
    "auto takes the first provider that can be had and is faster than the processor, and says why none before",
    () =>
      Effect.gen(function* () {
        const { info } = yield* EncoderRuntime
        const order = ["cuda", "webgpu", "cpu"] as const
        assert.deepStrictEqual(
          info.refused.map(({ choice }) => choice),
          order.slice(0, order.indexOf(info.provider)).map((provider) => `encoders on ${provider}`)
        )
        info.refused.forEach(({ reason }) => assert.isNotEmpty(reason))
        assert.isUndefined(FirstAvailable.softwareProblem(info.device))
        assert.strictEqual(EncoderRuntime.account(info).at(-1), `taken: encoders on ${info.provider} on ${info.device}`)
      }).pipe(Effect.provide(EncoderRuntime.layer("auto")))
  )

  it.live("cuda where there is none is an error that says what is missing", (context) =>
    Effect.gen(function* () {
      const cuda = yield* runtime("cuda")
      if (Result.isSuccess(cuda)) return context.skip("there is a CUDA device")
      assert.strictEqual(cuda.failure._tag, "OnnxError")
      assert.match(
        cuda.failure.message,
        /^encoders on cuda: (the library of onnxruntime's CUDA provider is missing: install it with|.*LD_LIBRARY_PATH)/
      )
    }).pipe(Effect.scoped)
  )

  it.live(
    "features on WebGPU are those of the processor to 1e-4 of the largest, and are stored apart from them",
    (context) =>
      Effect.gen(function* () {
        const webgpu = yield* runtime("webgpu")
        if (Result.isFailure(webgpu)) return context.skip(webgpu.failure.message)
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        for (const encoded of [
          digits(DigitEncoders.image),
          digits(DigitEncoders.audio),
          yield* ofCase("resnet", "resnet18-pooled-3x3x57x91", folder),
          yield* ofCase("bert", "bert-small-cls-7-12-1-40", folder)
        ]) {
          const own = yield* features(encoded)
          const other = yield* features(encoded).pipe(Effect.provide(webgpu.success))
          const difference = Golden.difference(other.features, own.features)
          assert.isAtMost(difference, 1e-4, encoded.encoder.name)
          assert.notStrictEqual(other.artifact.digest, own.artifact.digest)
          yield* Effect.logDebug(`${encoded.encoder.name}: ${difference}`)
        }
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.unwrap(
            Effect.map(
              FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()),
              (folder) => ArtifactStore.layer(folder)
            )
          ).pipe(Layer.provideMerge(Layer.mergeAll(NodeServices.layer, EncoderRuntime.layerCpu, Progress.layerSilent)))
        )
      ),
    300_000
  )
})
