import { assert, layer } from "@effect/vitest"
import { Safetensors } from "@igm/tensor"
import { Effect, FileSystem, Stream } from "effect"
import { readFileSync } from "node:fs"
import { environment } from "../environment.ts"
import { Film } from "../../src/index.ts"

const { tensors } = Safetensors.decode(readFileSync(new URL("../golden/colours.safetensors", import.meta.url)))

/** On other processors, FFmpeg rounds by other instructions. */
const MOST = process.arch === "x64" ? 0 : 2

const lastOf = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/${name}`
  yield* fs.writeFile(path, tensors[`film/${name}`]!.data as Uint8Array)
  const frames = yield* Stream.runCollect(Film.frames(path, { pixels: "BGR" }))
  return frames.at(-1)!.data
})

const assertPixels = (found: Uint8Array, name: string) => {
  const expected = tensors[`last/${name}`]!.data as Uint8Array
  assert.strictEqual(found.length, expected.length)
  assert.isAtMost(
    found.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0),
    MOST
  )
}

layer(environment, { excludeTestServices: true })("films whose colours are coded in different ways", (it) => {
  for (const name of Object.keys(tensors).flatMap((key) => (key.startsWith("last/") ? [key.slice(5)] : []))) {
    it.effect(`${name}: has OpenCV's pixels`, () => Effect.map(lastOf(name), (found) => assertPixels(found, name)))
  }

  it.effect("the lines of two fields are one picture, of which OpenCV 5 gives none", () =>
    Effect.map(lastOf("ffv1-interlaced.avi"), (found) => assertPixels(found, "ffv1-progressive.avi"))
  )

  for (const [name, coded] of [
    ["h264-ycgco.mp4", "YCgCo"],
    ["h264-bt2020-constant-luminance.mp4", "BT.2020 with constant luminance"]
  ] as const) {
    it.effect(`${name}: what OpenCV does not convert is an error that says so`, () =>
      Effect.gen(function* () {
        const { _tag, message } = yield* Effect.flip(lastOf(name))
        assert.strictEqual(_tag, "MediaError")
        assert.include(
          message,
          `${name}: its pixels cannot be converted: their colours are coded as ${coded}, so bring the film to BT.709 first`
        )
      })
    )
  }
})
