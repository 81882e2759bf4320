/** What a user of `igm replay` relies on: equal means that all of it was compared, and what is told is where to look. */
import { assert, describe, it } from "@effect/vitest"
import { RunFolder, files } from "@igm/experiment"
import { Effect, FileSystem, Layer, Path, PlatformError } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer, program, recordings } from "./fixture.ts"

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))

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

  it.effect("refuses a run of which a byte was edited, and finds results that somebody else's manifest claims", () =>
    Effect.gen(function* () {
      const { fs, run, manifest } = yield* recorded
      const text = yield* fs.readFileString(manifest)
      yield* fs.writeFileString(manifest, text.replace(/"accuracy": [\d.]+/, '"accuracy": 0.99'))
      assert.include((yield* replay(run)).error, `${manifest}: this is not the manifest of a run, or damaged`)

      yield* fs.writeFileString(manifest, text)
      const heads = `${run}/heads/late-fusion-seed-1.safetensors`
      const own = yield* fs.readFile(heads)
      yield* fs.copyFile(`${run}/heads/late-fusion-seed-2.safetensors`, heads)
      assert.include((yield* replay(run)).error, `${heads}: this file of a finished run is damaged or gone`)

      yield* fs.writeFile(heads, own)
      const { methods, ...rest } = yield* RunFolder.read(run)
      const [first, ...others] = methods
      const trainings = first!.trainings.map((training) => ({ ...training, accuracy: 0.99 }))
      yield* RunFolder.writeManifest(run, { ...rest, methods: [{ ...first!, trainings }, ...others] })
      const claimed = yield* replay(run)
      assert.include(claimed.error, "results differs first")
      assert.include(claimed.said, "methods[0].trainings[0].accuracy: 0.99, replayed 0.")
    }).pipe(Effect.provide(layer))
  )

  it.effect("replays a run whose folder of everything was moved, and one that may not be written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const home = yield* fs.makeTempDirectoryScoped()
      const [here, there] = [path.join(home, "here"), path.join(home, "there")]
      yield* fs.makeDirectory(here)
      yield* fs.copyFile(program, path.join(here, "small.experiment.ts"))
      yield* fs.symlink(modules, path.join(here, "node_modules"))
      yield* fs.copy(yield* recordings, path.join(here, "speech"))
      const at = (...names: ReadonlyArray<string>) => path.join(here, ...names)
      yield* igm("run", at("small.experiment.ts"), "--speech", at("speech"), "--out", at("runs"), "--no-check")
      yield* fs.rename(here, there)
      const out = path.join(there, "runs")
      const name = (yield* fs.readDirectory(out)).find((entry) => !entry.startsWith("."))!
      const denied = PlatformError.systemError({
        _tag: "PermissionDenied",
        module: "FileSystem",
        method: "access",
        cause: Object.assign(new Error("denied"), { code: "EACCES" })
      })
      const closed = Layer.succeed(FileSystem.FileSystem, {
        ...fs,
        access: (file, options) =>
          options?.writable === true && file.startsWith(out) ? Effect.fail(denied) : fs.access(file, options),
        makeTempDirectory: (options) =>
          options?.directory?.startsWith(out) === true ? Effect.fail(denied) : fs.makeTempDirectory(options)
      })
      const moved = yield* Effect.provide(replay(path.join(out, name)), closed)
      assert.deepStrictEqual([moved.error, moved.said.split(":")[0]], ["", `${name} replays bit by bit`])
      assert.include(moved.said, "Surroundings: the same program")

      // The same command there is the same run.
      const args = ["--speech", path.join(there, "speech"), "--out", out, "--no-check"]
      yield* igm("run", path.join(there, "small.experiment.ts"), ...args)
      assert.lengthOf(
        (yield* fs.readDirectory(out)).filter((entry) => !entry.startsWith(".")),
        1
      )
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
