import { assert, describe, it } from "@effect/vitest"
import { Digest, Keyed, Safetensors } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { readFileSync } from "node:fs"
import { environment } from "../environment.ts"
import { casesOf } from "../parity/images.ts"
import { ImageInput, Picture } from "../../src/index.ts"

const golden = casesOf(Safetensors.decode(readFileSync(new URL("../golden/images.safetensors", import.meta.url))))
const clip = ImageInput.clip.settings as unknown as ImageInput.Still

const withFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(yield* fs.makeTempDirectoryScoped(), "a.jpg")
  yield* fs.writeFile(file, golden[1]!.tensor("file")!.data as Uint8Array)
  return file
})

describe("ImageInput", () => {
  it.effect("has torchvision's float32 numbers, to the bit, after ToTensor and Normalize", () =>
    Effect.gen(function* () {
      const of = golden[0]!
      const picture = yield* Picture.decode(of.name, of.tensor("file")!.data as Uint8Array)
      const [{ size, filter }] = of.transforms as [(typeof of.transforms)[0]]
      const view = ImageInput.still({ size }, picture)
      assert.deepStrictEqual(ImageInput.render(picture, view, { ...clip, filter }), of.tensor("clip"))
    })
  )

  it.effect("a file becomes a tensor of the declared shape, and what decides its values is in the settings", () =>
    Effect.gen(function* () {
      const file = yield* withFile
      const digests = new Set<string>()
      for (const of of [ImageInput.imagenet, ImageInput.clip]) {
        const { shape } = yield* of.load({ path: file })
        assert.deepStrictEqual(shape, of.shape)
        digests.add(Digest.ofJson(of.settings))
      }
      for (const of of [ImageInput.imagenetCrops, ImageInput.clipCrops]) digests.add(Digest.ofJson(of.settings))
      assert.strictEqual(digests.size, 4)
      const grey = ImageInput.preprocess({ ...clip, mean: [0.5], deviation: [0.5], size: [5, 6] })
      assert.deepStrictEqual((yield* grey.load({ path: file })).shape, [1, 5, 6])
    }).pipe(Effect.provide(environment))
  )

  it.effect("a stream draws the same tensor again, and another stream another one", () =>
    Effect.gen(function* () {
      const file = yield* withFile
      const load = (n: number) => ImageInput.clipCrops.load({ path: file }, Keyed.stream(["view", n]))
      assert.deepStrictEqual(yield* load(1), yield* load(1))
      assert.notDeepEqual(yield* load(1), yield* load(2))
    }).pipe(Effect.provide(environment))
  )

  it("half of the views are mirrored", () => {
    const settings = ImageInput.imagenetCrops.settings as unknown as ImageInput.Moving
    const flips = Array.from({ length: 1000 }, (_, i) =>
      ImageInput.draw(settings, { height: 30, width: 40 }, Keyed.stream(["flip", i]))
    ).filter(({ flip }) => flip).length
    assert.closeTo(flips, 500, 60)
  })
})
