/** What a user of `igm replay` relies on: equal means that all of it was compared, and what is told is where to look. */
import { assert, describe, it } from "@effect/vitest"
import { files } from "@igm/experiment"
import { Effect, FileSystem, Path } from "effect"
import { TestConsole } from "effect/testing"
import { igm, layer, program, recordings } from "./fixture.ts"

const recorded = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const out = path.join(yield* fs.makeTempDirectoryScoped(), "runs")
  const speech = yield* recordings
  yield* igm("run", program, "--speech", speech, "--out", out, "--trace", "step", "--no-check")
  const name = (yield* fs.readDirectory(out)).find((entry) => !entry.startsWith("."))!
  return { fs, path, out, speech, run: path.join(out, name), manifest: path.join(out, name, files.manifest) }
})

/** What `igm replay` prints, and the error that it ends in. */
const replay = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  const error = yield* Effect.flip(igm("replay", ...args)).pipe(
    Effect.map((found) => String((found as Error).message)),
    Effect.orElseSucceed(() => "")
  )
  return { said: (yield* TestConsole.logLines).slice(before).join("\n"), error }
})

describe("igm replay", () => {
  it.effect("says that a run replays, what was compared, and what was taken as it was recorded", () =>
    Effect.gen(function* () {
      const { run } = yield* recorded
      const all = yield* replay(run)
      assert.strictEqual(all.error, "")
      assert.include(all.said, "replays bit by bit: 11 artifacts (0 of them taken as recorded), 8 epochs")
      assert.include(all.said, "Surroundings: the same program, versions, device and processor.")
      const part = yield* replay(run, "--from", "train late fusion, seed 2")
      assert.include(part.said, "11 artifacts (10 of them taken as recorded), 2 epochs")
      assert.include((yield* replay(run, "--from", "nothing")).error, "it has no stage nothing, but media, features")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "holds the results in the run's folder to what comes out: an accuracy that was edited, heads of another run",
    () =>
      Effect.gen(function* () {
        const { fs, run, manifest } = yield* recorded
        const text = yield* fs.readFileString(manifest)
        yield* fs.writeFileString(manifest, text.replace(/"accuracy": [\d.]+/, '"accuracy": 0.99'))
        const edited = yield* replay(run)
        assert.include(edited.error, "results differs first")
        assert.include(edited.said, "methods[0].trainings[0].accuracy: 0.99, replayed 0.")
        yield* fs.writeFileString(manifest, text)
        yield* fs.copyFile(`${run}/heads/late-fusion-seed-2.safetensors`, `${run}/heads/late-fusion-seed-1.safetensors`)
        assert.include((yield* replay(run)).said, "files that differ: heads/late-fusion-seed-1.safetensors")
      }).pipe(Effect.provide(layer))
  )

  it.effect(
    "names the recordings that are missing, and those that are others now with the stage that they lead to",
    () =>
      Effect.gen(function* () {
        const { fs, path, run, speech } = yield* recorded
        const [one, other] = ["3_ann_0.wav", "3_ann_1.wav"].map((name) => path.join(speech, name))
        yield* fs.copyFile(one!, other!)
        const changed = yield* replay(run)
        assert.include(changed.said, `Files that are others now:\n  ${other}`)
        assert.include(changed.error, "media differs first")
        yield* fs.remove(one!)
        assert.include((yield* replay(run)).error, `files that the run read are missing: ${one}`)
      }).pipe(Effect.provide(layer))
  )
})
