import { assert, layer as withLayer } from "@effect/vitest"
import { Results, RunFolder } from "@igm/experiment"
import { Safetensors } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { TestConsole } from "effect/testing"
import type * as PredictCommand from "../src/PredictCommand.ts"
import { Recorded, SLOWLY, igm, program, recordings } from "./fixture.ts"

/** What was printed of a run, and what lies in its folder. */
const read = Effect.fnUntraced(function* (printed: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const report = /report +(\S+)$/.exec(printed)![1]!
  const folder = path.dirname(report)
  const manifest = yield* RunFolder.read(folder)
  const results = yield* Results.read(folder, manifest)
  return { folder, printed, manifest, digests: results!.digests, html: yield* fs.readFileString(report) }
})

/** Runs a command. */
const run = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* igm(...args)
  return yield* read((yield* TestConsole.logLines).slice(before).map(String).join("\n"))
})

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

/** The small experiment, as it ran for the first time. */
const small = Recorded.layer(Effect.map(recordings, (speech) => ["run", program, "--speech", speech, "--no-check"]))

withLayer(small, SLOWLY)("igm run", (it) => {
  it.effect("goes from files to a report, and reuses everything the second time", () =>
    Effect.gen(function* () {
      const { out, args, printed } = yield* Recorded
      const first = yield* read(printed)
      assert.include(first.printed, "late fusion")
      assert.include(first.printed, "Frozen features: not comparable with published end-to-end numbers.")
      assert.include(first.printed, "Speakers: train ann; valid bob; test cid.")
      assert.include(first.printed, "speaker george")
      assert.include(first.printed, "reused   nothing")
      assert.include(first.html, "What gradient modification really did")
      const second = yield* run(...args, "--out", out)
      const all = "media 1 of 1, features 6 of 6, samples 3 of 3, training 4 of 4, evaluation 1 of 1"
      assert.include(second.printed, `reused   ${all}`)
      assert.deepStrictEqual(second.manifest, first.manifest)
      assert.strictEqual(second.html, first.html)
    })
  )

  it.effect("the same seed gives the same digests in an empty folder", () =>
    Effect.gen(function* () {
      const { args, printed } = yield* Recorded
      const { digests } = yield* read(printed)
      const again = yield* run(...args, "--out", yield* temporary)
      assert.deepStrictEqual(again.digests, digests)
    })
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
      assert.strictEqual(
        yield* problem(program, "--no-check", "--speech", "/no/such"),
        "/no/such: this folder does not exist"
      )
      const speech = yield* recordings
      yield* fs.writeFileString(path.join(speech, "3_ann_7.wav"), "only words")
      assert.strictEqual(
        yield* problem(program, "--no-check", "--speech", speech),
        `${speech}/3_ann_7.wav: this is not a RIFF/WAVE file`
      )
      const left = yield* fs.readDirectory(out, { recursive: true })
      assert.deepStrictEqual(
        left.filter((name) => name.includes(".partial") || name.includes("artifact.json")),
        []
      )
    })
  )

  it.effect("igm export and igm predict say of the run's media what the run says, to 1e-6", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { out, folder } = yield* Recorded.copy
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
    })
  )

  it.effect("igm export and igm predict refuse a file that is not exported heads, and a run that is not one", () =>
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
    })
  )
})
