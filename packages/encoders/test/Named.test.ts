import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { pathToFileURL } from "node:url"
import { Catalog, EncoderLock, EncoderError, Named } from "../src/index.ts"

const DIGEST = "0".repeat(64)

const pin = (width: number): EncoderLock.Pin => ({
  of: "resnet18",
  source: { kind: "hub", repo: "timm/resnet18.tv_in1k", commit: "1".repeat(40) },
  weights: DIGEST,
  onnx: { sha256: DIGEST, bytes: 1 },
  beside: {},
  inputs: { image: { dtype: "float32", shape: [3, "height", "width"] } },
  output: "features",
  width
})

const thrown = (name: () => unknown): string => {
  try {
    name()
  } catch (error) {
    assert.instanceOf(error, EncoderError)
    return error.message
  }
  return "nothing was thrown"
}

describe("Named", () => {
  it.effect("an encoder that was added is described with the width that the catalogue says, in the type too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* EncoderLock.pin(folder, "resnet18", pin(512))
      const named = Named.encoder("resnet18", { folder: pathToFileURL(folder) })
      const width: 512 = named.width
      assert.deepStrictEqual([named.file, named.digest, width], [`${folder}/resnet18/encoder.onnx`, DIGEST, 512])
      // @ts-expect-error A head for another width does not fit.
      const wrong: Named.Named<256> = named
      assert.strictEqual(wrong.width as number, 512)
      // @ts-expect-error There is no such encoder.
      const unknown = () => Named.encoder("resnet19", { folder })
      assert.include(thrown(unknown), "it pins no encoder resnet19")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("one that was not added, or is something else by now, is an error that says what to do", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      assert.strictEqual(
        thrown(() => Named.encoder("resnet18")),
        "encoders/encoders.lock.json: there is no lock file with the encoder resnet18: igm encoders add resnet18"
      )
      yield* EncoderLock.pin(folder, "resnet18", pin(1000))
      assert.strictEqual(
        thrown(() => Named.encoder("bert-base-uncased", { folder })),
        `${folder}/encoders.lock.json: it pins no encoder bert-base-uncased: igm encoders add bert-base-uncased --to ${folder}`
      )
      assert.include(
        thrown(() => Named.encoder("resnet18", { folder })),
        "the features of resnet18 are 1000 wide, not 512"
      )
      assert.include(
        thrown(() => Named.other("mine", 4, { folder })),
        "igm encoders add FILE.onnx --name mine"
      )
      assert.include(
        thrown(() => Named.beside("resnet18", "vocab.txt", { folder })),
        "no file of this name is pinned"
      )
      yield* fs.writeFileString(`${folder}/${EncoderLock.FILE}`, "{")
      assert.include(
        thrown(() => Named.encoder("resnet18", { folder })),
        "this is not a lock file of encoders"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("Catalog", () => {
  it("says of every encoder the width that its architecture has, and inputs that it takes", () => {
    for (const [name, { architecture, width, sample }] of Object.entries<Catalog.Entry>(Catalog.catalog)) {
      assert.strictEqual(architecture.width, width, name)
      assert.sameMembers(Object.keys(sample), Object.keys(architecture.inputs), name)
      for (const [input, recipe] of Object.entries(sample)) {
        const shape = recipe.kind === "lengths" ? [recipe.lengths.length, Math.max(...recipe.lengths)] : recipe.shape
        assert.strictEqual(shape[0], 2)
        const { shape: port } = architecture.inputs[input]!
        assert.isTrue(
          port.length === shape.length - 1 &&
            port.every((size, i) => typeof size === "string" || size === shape[i + 1]),
          `${name}: ${input}`
        )
      }
    }
  })
})
