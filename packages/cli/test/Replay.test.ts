/** What a user of `igm replay` relies on: equal means that all of it was compared, and what is told is where to look. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Results, RunFolder, files } from "@igm/experiment"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { Recorded, SLOWLY, igm, program, recordings } from "./fixture.ts"

const speechOf = (args: ReadonlyArray<string>) => args[args.indexOf("--speech") + 1]!

const recorded = Effect.gen(function* () {
  const { folder, ...copy } = yield* Recorded.copy
  const { args } = yield* Recorded
  const fs = yield* FileSystem.FileSystem
  return { ...copy, fs, speech: speechOf(args), run: folder, manifest: `${folder}/${files.manifest}` }
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

const args = Effect.map(recordings, (speech) => ["run", program, "--speech", speech, "--trace", "step", "--no-check"])

withLayer(Recorded.layer(args), SLOWLY)("igm replay", (it) => {
  it.effect("says that a run replays, what was compared, and what was taken as it was recorded", () =>
    Effect.gen(function* () {
      const { run } = yield* recorded
      const all = yield* replay(run)
      assert.strictEqual(all.error, "")
      assert.include(all.said, "replays bit by bit: 15 artifacts (0 of them taken as recorded), 8 epochs")
      assert.include(all.said, "Surroundings: the same program, versions, device and processor.")
      const part = yield* replay(run, "--from", "train late fusion, seed 2")
      assert.include(part.said, "15 artifacts (13 of them taken as recorded), 2 epochs")
      assert.include((yield* replay(run, "--from", "nothing")).error, "it has no stage nothing, but media, features")
    })
  )

  it.effect(
    "refuses a run of which a byte was edited, and finds results that somebody claims who computes digests",
    () =>
      Effect.gen(function* () {
        const { fs, run, manifest } = yield* recorded
        const text = yield* fs.readFileString(manifest)
        yield* fs.writeFileString(manifest, text.replace('"seed": 1', '"seed": 2'))
        assert.include((yield* replay(run)).error, `${manifest}: this is not the manifest of a run, or damaged`)

        yield* fs.writeFileString(manifest, text)
        const heads = `${run}/heads/late-fusion-seed-1.safetensors`
        const own = yield* fs.readFile(heads)
        yield* fs.copyFile(`${run}/heads/late-fusion-seed-2.safetensors`, heads)
        assert.include((yield* replay(run)).error, `${heads}: this file of a finished run is damaged or gone`)

        yield* fs.writeFile(heads, own)
        const written = yield* RunFolder.read(run)
        const results = `${run}/${Results.files.results}`
        const claim = (yield* fs.readFileString(results)).replace(/"accuracy": [\d.]+/, '"accuracy": 0.99')
        yield* fs.writeFileString(results, claim)
        assert.include((yield* replay(run)).error, `${results}: this file of a finished run is damaged or gone`)
        const digest = Digest.ofBytes(new TextEncoder().encode(claim))
        yield* RunFolder.writeManifest(run, {
          ...written,
          files: { ...written.files, [Results.files.results]: digest }
        })
        const claimed = yield* replay(run, "--from", "evaluation")
        assert.include(claimed.error, "results differs first")
        assert.include(claimed.said, '["results.json"].methods[0].trainings[0].accuracy: 0.99, replayed 0.')
      })
  )

  it.effect("names the recordings that are missing, and those that are others now with the stage they lead to", () =>
    Effect.gen(function* () {
      const { fs, run, speech } = yield* recorded
      const [one, other] = ["3_ann_0.wav", "3_ann_1.wav"].map((name) => `${speech}/${name}`)
      yield* fs.copyFile(one!, other!)
      const changed = yield* replay(run)
      assert.include(changed.said, `Files that are others now:\n  ${other}`)
      assert.include(changed.error, "media differs first")
      yield* fs.remove(one!)
      assert.include((yield* replay(run)).error, `files that the run read are missing: ${one}`)
    })
  )
})
