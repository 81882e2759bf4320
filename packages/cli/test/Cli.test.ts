import { assert, describe, it } from "@effect/vitest"
import { RunFolder } from "@igm/experiment"
import { Safetensors } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { TestConsole } from "effect/testing"
import type * as PredictCommand from "../src/PredictCommand.ts"
import { igm, layer, program, recordings } from "./fixture.ts"

/** Runs the small experiment; its folder, what was printed, and the manifest. */
const run = Effect.fn(function* (speech: string, out: string, seed = 1) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* igm("run", program, "--speech", speech, "--out", out, "--seed", String(seed))
  const printed = (yield* TestConsole.logLines).map(String).join("\n")
  const report = /report +(\S+)$/.exec(printed)![1]!
  const folder = path.dirname(report)
  const manifest = yield* RunFolder.read(folder)
  return { folder, printed, manifest, html: yield* fs.readFileString(report) }
})

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

describe("igm run", () => {
  it.effect("goes from files to a report, and reuses everything the second time", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const speech = yield* recordings
      const out = yield* temporary
      const first = yield* run(speech, out)
      assert.lengthOf(yield* fs.readDirectory(`${out}/.store/checked`), 1)
      assert.include(first.printed, "late fusion")
      assert.include(first.printed, "Frozen features: not comparable with published end-to-end numbers.")
      assert.include(first.printed, "Speakers: train ann; valid bob; test cid.")
      assert.include(first.printed, "speaker george")
      assert.include(first.printed, "reused   nothing")
      assert.include(first.html, "What gradient modification really did")
      const second = yield* run(speech, out)
      assert.include(second.printed, "reused   media 1 of 1, features 6 of 6, training 4 of 4")
      assert.deepStrictEqual(second.manifest, first.manifest)
      assert.strictEqual(second.html, first.html)
    }).pipe(Effect.provide(layer))
  )

  it.effect("the same seed gives the same digests in an empty folder; another seed gives others", () =>
    Effect.gen(function* () {
      const speech = yield* recordings
      const [a, b, other] = yield* Effect.all([
        run(speech, yield* temporary),
        run(speech, yield* temporary),
        run(speech, yield* temporary, 2)
      ])
      assert.deepStrictEqual(b!.manifest.digests, a!.manifest.digests)
      assert.notStrictEqual(other!.manifest.digests.features, a!.manifest.digests.features)
      assert.notStrictEqual(other!.manifest.digests.weights, a!.manifest.digests.weights)
    }).pipe(Effect.provide(layer))
  )

  it.effect("what cannot work is one line that names the file, and nothing is left half made", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = path.join(yield* temporary, "runs")
      const problem = (...args: ReadonlyArray<string>) =>
        Effect.flip(igm("run", ...args, "--out", out)).pipe(Effect.map((error) => (error as Error).message))
      const bad = path.join(yield* temporary, "bad.ts")
      yield* fs.writeFileString(bad, "export default 3\n")
      assert.include(yield* problem(bad), "its default export is not an experiment")
      assert.isFalse(yield* fs.exists(out))
      assert.strictEqual(yield* problem(program, "--speech", "/no/such"), "/no/such: this folder does not exist")
      const speech = yield* recordings
      yield* fs.writeFileString(path.join(speech, "3_ann_7.wav"), "only words")
      assert.strictEqual(
        yield* problem(program, "--speech", speech),
        `${speech}/3_ann_7.wav: this is not a RIFF/WAVE file`
      )
      const left = yield* fs.readDirectory(out, { recursive: true })
      assert.deepStrictEqual(
        left.filter((name) => name.includes(".partial") || name.includes("artifact.json")),
        []
      )
    }).pipe(Effect.provide(layer))
  )
})

describe("igm export and igm predict", () => {
  it.effect("say of the run's media what the run says, to 1e-6", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const speech = yield* recordings
      const out = yield* temporary
      const { folder } = yield* run(speech, out)
      const heads = path.join(out, "heads.onnx")
      yield* igm("export", folder, "--to", heads)
      const { tensors } = Safetensors.decode(yield* fs.readFile(path.join(folder, "predictions.safetensors")))
      const said = tensors["igm-paper-seed-1"]!
      const media = path.join(out, ".store/media")
      const [artifact] = yield* fs.readDirectory(media)
      const rows = JSON.parse(yield* fs.readFileString(path.join(media, artifact!, "index.json"))) as ReadonlyArray<{
        split: string
        audio: string
        image: string
      }>
      const test = rows.filter(({ split }) => split === "test")
      for (const i of [0, 7, 19]) {
        const { audio, image } = test[i]!
        const at = (file: string) => path.join(media, artifact!, file)
        yield* igm("predict", heads, "--audio", at(audio), "--image", at(image), "--json")
        const line = String((yield* TestConsole.logLines).at(-1))
        const { probabilities } = JSON.parse(line) as PredictCommand.Prediction
        probabilities.forEach((p, c) => assert.closeTo(p, Number(said.data[i * 10 + c]), 1e-6))
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuse a file that is not exported heads, and a run that is not one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* temporary
      const file = path.join(folder, "heads.onnx")
      yield* fs.writeFileString(file, "not a model")
      const wrong = yield* Effect.flip(igm("predict", file, "--audio", "a.wav", "--image", "b.png"))
      assert.strictEqual((wrong as Error).message, `${file}: this is not a file that igm export wrote`)
      const none = yield* Effect.flip(igm("export", folder))
      assert.include((none as Error).message, `${folder}: there is no such run, here or in runs: see igm runs`)
    }).pipe(Effect.provide(layer))
  )
})
