/** A finished run stays what it is: it is not written over, and no byte of it is another without somebody being told. */
import { assert, describe, it } from "@effect/vitest"
import { Manifest, RunFolder, Runs, files } from "@igm/experiment"
import { Sealed } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer, program, recordings } from "./fixture.ts"

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))
const tiny = fileURLToPath(new URL("./tiny.experiment.ts", import.meta.url))

/** The files of a run that hold results, and its manifest. */
const bytesOf = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* fs.readDirectory(folder, { recursive: true })).toSorted()
  const kept = names.filter((name) => /\.(json|jsonl|safetensors|html)$/.test(name) && !/^(journal|spans)/.test(name))
  const all = yield* Effect.forEach(kept, (name) =>
    Effect.map(fs.readFile(`${folder}/${name}`), (bytes) => [name, Digest.ofBytes(bytes)] as const)
  )
  return Object.fromEntries(all)
})

const runsIn = (out: string) => Effect.map(Runs.list(out), (runs) => runs.map(({ folder }) => folder))

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 }))
const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

describe("A finished run", () => {
  it.effect("is not written over when a file is edited that its program imports: that is another run", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const [main, seeds, out] = [`${home}/main.ts`, `${home}/seeds.ts`, `${home}/runs`]
      yield* fs.symlink(modules, `${home}/node_modules`)
      yield* fs.copyFile(tiny, `${home}/tiny.ts`)
      yield* fs.writeFileString(
        main,
        `import tiny from "./tiny.ts"; import "./seeds.ts"; export default (args) => tiny(args)`
      )
      yield* fs.writeFileString(seeds, "export const seed = 1")
      yield* igm("run", main, "--no-check", "--out", out)
      const [first] = yield* runsIn(out)
      const before = yield* bytesOf(first!)
      const { modules: imported } = yield* RunFolder.read(first!)
      assert.deepStrictEqual(
        imported.map(({ path }) => path),
        ["../../seeds.ts", "../../tiny.ts"]
      )
      yield* fs.writeFileString(seeds, "export const seed = 2")
      yield* igm("run", main, "--no-check", "--out", out)
      assert.lengthOf(yield* runsIn(out), 2)
      assert.deepStrictEqual(yield* bytesOf(first!), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is not written over when its data change: other results are another run, and stay that one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const speech = yield* recordings
      const run = igm("run", program, "--speech", speech, "--out", out, "--no-check")
      yield* run
      const [first] = yield* runsIn(out)
      const before = yield* bytesOf(first!)
      yield* fs.copyFile(`${speech}/3_ann_0.wav`, `${speech}/3_ann_1.wav`)
      yield* run
      const second = (yield* runsIn(out)).find((folder) => folder !== first)
      assert.deepStrictEqual(yield* bytesOf(first!), before)
      const after = yield* bytesOf(second!)
      assert.notDeepEqual(after, before)
      assert.strictEqual((yield* RunFolder.read(second!)).id, second!.slice(out.length + 1))
      assert.include(String((yield* TestConsole.logLines).at(-1)), `report   ${second}/report.html`)
      yield* run
      assert.sameMembers(yield* runsIn(out), [first!, second!])
      assert.deepStrictEqual([yield* bytesOf(first!), yield* bytesOf(second!)], [before, after])
      const { journal } = yield* Runs.look(first!)
      const notes = journal.flatMap((record) => (record.kind === "note" ? [record.note] : []))
      assert.include(notes[0], `are the run ${second!.slice(out.length + 1)}`)
    }).pipe(Effect.provide(layer))
  )

  it.effect("of which any file is damaged or gone is refused by who reads it, and restored by the same command", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const run = igm("run", tiny, "--out", out, "--no-check")
      yield* run
      const [folder] = yield* runsIn(out)
      const before = yield* bytesOf(folder!)
      const manifest = yield* RunFolder.read(folder!)
      assert.sameMembers(
        Object.keys(manifest.files),
        Object.keys(before).filter((name) => name !== files.manifest)
      )
      for (const [i, name] of Object.keys(before).entries()) {
        const file = `${folder}/${name}`
        const whole = yield* fs.readFile(file)
        const at = Math.floor(whole.length * 0.7)
        const isGone = i % 2 === 0 && name !== files.manifest
        yield* isGone ? fs.remove(file) : fs.writeFile(file, whole.with(at, whole[at]! ^ 4))
        // A report or a figure is read by a person alone: `show` refuses, the others go on with what they read.
        const isShown = name === files.report || name.startsWith("figures/")
        for (const command of isShown ? ["show"] : ["show", "export", "diff", "replay"]) {
          const error = yield* Effect.flip(igm(command, folder!, ...(command === "diff" ? [folder!] : [])))
          assert.include(String((error as Error).message), `${folder}/`, `${command}, ${name}`)
        }
        if (isShown) yield* igm("export", folder!, "--to", `${out}/heads.onnx`)
        const [found] = yield* Runs.list(out)
        assert.include(["damaged", "unreadable"], found!.state.kind)
        yield* run
        assert.deepStrictEqual(yield* bytesOf(folder!), before, name)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("leads nobody out of its folder, whatever its manifest says", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      yield* igm("run", tiny, "--out", out, "--no-check")
      const [folder] = yield* runsIn(out)
      const manifest = yield* RunFolder.read(folder!)
      const heads = manifest.methods[0]!.trainings[0]!.heads
      const secret = yield* fs.readFile(path.join(folder!, heads))
      yield* fs.writeFile(path.join(out, "secret.safetensors"), secret)
      const json = yield* Schema.encodeEffect(Manifest.Any)(manifest)
      for (const place of ["../secret.safetensors", "/etc/passwd", "heads/../../secret.safetensors", "a\\b", ""]) {
        const text = JSON.stringify(json).replaceAll(JSON.stringify(heads), JSON.stringify(place))
        yield* fs.writeFileString(
          `${folder}/manifest.json`,
          Sealed.text(JSON.parse(text) as Record<string, Digest.Json>)
        )
        const error = yield* Effect.flip(igm("export", folder!, "--to", `${out}/heads.onnx`))
        assert.include(String((error as Error).message), "this is not the manifest of a run", place)
      }
      // A name within, of which the manifest has no digest, is no file of the run either.
      const [method] = manifest.methods
      const trainings = method!.trainings.map((training) => ({ ...training, heads: "heads/other.safetensors" }))
      yield* RunFolder.writeManifest(folder!, { ...manifest, methods: [{ ...method!, trainings }] })
      assert.include(String(((yield* Effect.flip(igm("export", folder!))) as Error).message), "no digest of it")
      assert.isFalse(yield* fs.exists(`${out}/heads.onnx`))
    }).pipe(Effect.provide(layer))
  )
})

describe("Exported heads", () => {
  it.effect("are not written over a file of somebody else's, as the run's own", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      yield* igm("run", tiny, "--out", out, "--no-check")
      const [folder] = yield* runsIn(out)
      const before = yield* bytesOf(folder!)
      for (const name of [files.manifest, files.predictions]) {
        const error = yield* Effect.flip(igm("export", folder!, "--to", `${folder}/${name}`))
        assert.include(String((error as Error).message), "that igm export did not write", name)
      }
      assert.deepStrictEqual(yield* bytesOf(folder!), before)
      // What it wrote itself it writes again, and the beginning of an id is enough.
      yield* igm("export", "tiny", "--out", out)
      yield* igm("export", "tiny", "--out", out)
      assert.isTrue(yield* fs.exists(`${folder}/heads.onnx`))
    }).pipe(Effect.provide(layer))
  )

  it.effect.prop(
    "of which any byte is another are refused",
    { flips: Schema.NonEmptyArray(Schema.Tuple([Share, Byte])).check(Schema.isMaxLength(12)) },
    ({ flips }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        yield* igm("run", tiny, "--out", `${home}/runs`, "--no-check")
        const [folder] = yield* runsIn(`${home}/runs`)
        const heads = `${home}/heads.onnx`
        yield* igm("export", folder!, "--to", heads)
        const store = yield* fs.readDirectory(`${home}/runs/.store`, { recursive: true })
        const [audio, image] = [".wav", ".png"].map((end) => store.find((name) => name.endsWith(end))!)
        const media = ["--audio", `${home}/runs/.store/${audio}`, "--image", `${home}/runs/.store/${image}`]
        yield* igm("predict", heads, ...media)
        const whole = yield* fs.readFile(heads)
        for (const [share, by] of flips) {
          const at = Math.min(whole.length - 1, Math.floor(share * whole.length))
          yield* fs.writeFile(heads, whole.with(at, whole[at]! ^ by))
          assert.include(String(((yield* Effect.flip(igm("predict", heads, ...media))) as Error).message), heads)
        }
        yield* fs.writeFile(heads, whole.subarray(0, -1))
        assert.include(String(((yield* Effect.flip(igm("predict", heads, ...media))) as Error).message), heads)
      }).pipe(Effect.scoped, Effect.provide(layer)),
    { arbitrary: { runs: 3 } }
  )
})
