/**
 * Encoders on WebGPU by the command, where there is an adapter: Debian's package chromium has one in software,
 * `VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json npx vitest run packages/cli/test/process/WebGpu.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { DigitEncoders } from "@igm/av-digits"
import { type Encoder, EncoderRuntime } from "@igm/encoders"
import { type Manifest, RunFolder, Runs } from "@igm/experiment"
import { Safetensors, Split, Tensor } from "@igm/tensor"
import { Console, Effect, FileSystem, Layer, Result } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as Golden from "../../../encoders/test/golden.ts"
import { sample } from "../../../encoders/test/samples.ts"
import { igm, layer } from "../fixture.ts"

const program = fileURLToPath(new URL("../encoded.experiment.ts", import.meta.url))

/** The largest difference of features that is allowed, relative to the largest feature. */
const TOLERANCE = 1e-4

type Rows = ReadonlyArray<{ readonly [input: string]: Tensor.Tensor }>

/** A small encoder of random weights, and samples of a golden case without the zeros behind them. */
const ofCase = Effect.fnUntraced(function* (family: "resnet" | "bert", name: string, folder: string) {
  const golden = yield* Golden.read(family)
  const found = golden.cases.find((one) => one.name === name)!
  const encoder = yield* Golden.encoder(found, golden, folder)
  const lengths = found.inputs["mask"]?.[1]
  const inputs = Object.entries(Golden.inputs(found))
  const rows: Rows = Split.all.map((_, i) =>
    Object.fromEntries(
      inputs.map(([port, tensor]) => {
        const { shape, data, dtype } = Tensor.takeRows(tensor, [i])
        const own = lengths === undefined ? shape.slice(1) : [lengths[i]!]
        return [port, Tensor.make(dtype, own, data.subarray(0, Tensor.sizeOf(own)))]
      })
    )
  )
  return [encoder, rows] as const
})

const ofDigits = (encoder: (typeof DigitEncoders)["audio" | "image"]): readonly [Encoder.Encoder, Rows] => [
  encoder,
  Split.all.map((_, i) => ({ tensor: sample(encoder, i) }))
]

/** Writes the folder that the program reads. */
const models = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const all = [
    ofDigits(DigitEncoders.image),
    ofDigits(DigitEncoders.audio),
    yield* ofCase("resnet", "resnet18-pooled-3x3x57x91", folder),
    yield* ofCase("bert", "bert-small-cls-7-12-1-40", folder)
  ]
  yield* fs.writeFileString(`${folder}/encoders.json`, JSON.stringify(all.map(([encoder]) => encoder)))
  for (const [{ name }, rows] of all) {
    for (const [i, tensors] of rows.entries()) {
      yield* fs.writeFile(`${folder}/${name}-${Split.all[i]}.safetensors`, Safetensors.encode(tensors))
    }
  }
  return all.map(([{ name }]) => name)
})

/** The features of a run in its order of artifacts, with the names and digests of these. */
const featuresOf = Effect.fnUntraced(function* (out: string, { artifacts }: Manifest.Finished) {
  const fs = yield* FileSystem.FileSystem
  const made = artifacts.filter(({ stage }) => stage === "features")
  return yield* Effect.forEach(made, ({ name, digest }) =>
    Effect.map(fs.readFile(`${out}/.store/features/${digest}/features.safetensors`), (bytes) => ({
      name,
      digest,
      features: Safetensors.decode(bytes).tensors["features"]!
    }))
  )
})

describe("igm run --encoders webgpu", () => {
  it.live(
    "gives the features of the processor to 1e-4 of the largest, stored apart, and replays there within that",
    (context) =>
      Effect.gen(function* () {
        const webgpu = yield* Effect.result(Layer.build(EncoderRuntime.layer("webgpu")))
        if (Result.isFailure(webgpu)) return context.skip(webgpu.failure.message)
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const names = yield* models(folder)
        const run = Effect.fnUntraced(function* (provider: string) {
          const out = `${folder}/${provider}`
          yield* igm("run", program, "--no-check", "--models", folder, "--encoders", provider, "--out", out)
          const [found] = yield* Runs.list(out)
          const manifest = yield* RunFolder.read(found!.folder)
          assert.strictEqual(manifest.encoders?.provider, provider)
          return { folder: found!.folder, features: yield* featuresOf(out, manifest) }
        })
        const [cpu, other] = [yield* run("cpu"), yield* run("webgpu")]
        assert.lengthOf(other.features, names.length * Split.all.length)
        for (const [i, { name, digest, features }] of other.features.entries()) {
          const own = cpu.features[i]!
          assert.strictEqual(name, own.name)
          assert.isAtMost(Golden.difference(features, own.features), TOLERANCE, name)
          assert.notStrictEqual(digest, own.digest)
        }
        const console = yield* TestConsole.make
        yield* igm("replay", other.folder, "--encoders", "cpu", "--tolerance", String(TOLERANCE)).pipe(
          Effect.provideService(Console.Console, console)
        )
        const told = (yield* console.logLines).map(String).join("\n")
        assert.match(told, /replays within 0\.0001 \(largest relative deviation/)
      }).pipe(Effect.scoped, Effect.provide(layer)),
    600_000
  )
})
