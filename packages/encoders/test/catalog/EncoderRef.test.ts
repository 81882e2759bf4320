import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { pathToFileURL } from "node:url"
import { Catalog, EncoderLock, EncoderRef } from "../../src/index.ts"

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

/** The message of an encoder that cannot be had. */
const failure = <R>(wanted: Effect.Effect<unknown, Error, R>) =>
  Effect.map(Effect.flip(wanted), ({ message }) => message)

describe("EncoderRef", () => {
  it.effect("an encoder that was added is described with the width that the catalogue says, in the type too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* EncoderLock.pin(folder, "resnet18", pin(512))
      const named = yield* EncoderRef.get("resnet18", { folder: pathToFileURL(folder) })
      const width: 512 = named.width
      assert.deepStrictEqual([named.file, named.digest, width], [`${folder}/resnet18/encoder.onnx`, DIGEST, 512])
      const got: EncoderRef.EncoderRef<512> = yield* EncoderRef.get("resnet18", { folder })
      assert.deepStrictEqual(got, named)
      assert.include(
        (yield* Effect.flip(EncoderRef.getOther("resnet18", 3, { folder }))).message,
        "the features of resnet18 are 512 wide, not 3"
      )
      assert.include(
        (yield* Effect.flip(EncoderRef.getBeside("resnet18", "vocab.txt", { folder }))).message,
        "no file of this name is pinned with resnet18"
      )
      // @ts-expect-error A head for another width does not fit.
      const wrong: EncoderRef.EncoderRef<256> = named
      assert.strictEqual(wrong.width as number, 512)
      // @ts-expect-error There is no such encoder.
      const unknown = EncoderRef.get("resnet19", { folder })
      assert.include(yield* failure(unknown), "it pins no encoder resnet19")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("one that was not added, or is something else by now, is an error that says what to do", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      assert.strictEqual(
        yield* failure(EncoderRef.get("resnet18")),
        "encoders/encoders.lock.json: there is no lock file with the encoder resnet18: igm encoders add resnet18"
      )
      yield* EncoderLock.pin(folder, "resnet18", pin(1000))
      assert.strictEqual(
        yield* failure(EncoderRef.get("bert-base-uncased", { folder })),
        `${folder}/encoders.lock.json: it pins no encoder bert-base-uncased: igm encoders add bert-base-uncased --to ${folder}`
      )
      assert.include(
        yield* failure(EncoderRef.get("resnet18", { folder })),
        "the features of resnet18 are 1000 wide, not 512"
      )
      assert.include(
        yield* failure(EncoderRef.getOther("mine", 4, { folder })),
        "igm encoders add FILE.onnx --name mine"
      )
      assert.include(
        yield* failure(EncoderRef.getBeside("resnet18", "vocab.txt", { folder })),
        "no file of this name is pinned"
      )
      yield* fs.writeFileString(`${folder}/${EncoderLock.FILE}`, "{")
      assert.include(yield* failure(EncoderRef.get("resnet18", { folder })), "this is not a lock file of encoders")
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
