/** A finished run stays what it is: it is not written over, and no byte of it is another without somebody being told. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Manifest, Results, RunFolder, Runs, files } from "@igm/experiment"
import { Sealed } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { Recorded, SLOWLY, igm } from "./fixture.ts"

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))
const tiny = fileURLToPath(new URL("./tiny.experiment.ts", import.meta.url))
const own = fileURLToPath(new URL("./own.experiment.ts", import.meta.url))

/** The tiny experiment's run. */
const finished = Recorded.layer(Effect.succeed(["run", tiny, "--no-check"]))

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

withLayer(finished, SLOWLY)("A finished run", (it) => {
  it.effect("is not written over when a file is edited that its program imports: that is another run", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const [main, seeds, out] = [`${home}/main.ts`, `${home}/seeds.ts`, `${home}/runs`]
      yield* fs.symlink(modules, `${home}/node_modules`)
      yield* fs.copyFile(own, `${home}/own.ts`)
      yield* fs.writeFileString(main, `import own from "./own.ts"; import "./seeds.ts"; export default own`)
      yield* fs.writeFileString(seeds, "export const seed = 1")
      yield* igm("run", main, "--no-check", "--out", out)
      const [first] = yield* runsIn(out)
      const before = yield* bytesOf(first!)
      const { modules: imported } = yield* RunFolder.read(first!)
      assert.deepStrictEqual(
        imported.map(({ path }) => path),
        ["../../own.ts", "../../seeds.ts"]
      )
      yield* fs.writeFileString(seeds, "export const seed = 2")
      yield* igm("run", main, "--no-check", "--out", out)
      assert.lengthOf(yield* runsIn(out), 2)
      assert.deepStrictEqual(yield* bytesOf(first!), before)
    })
  )

  it.effect("is not written over when its data change: other results are another run, and stay that one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const [out, notes] = [`${home}/runs`, `${home}/notes.txt`]
      yield* fs.writeFileString(notes, "as it was")
      const run = igm("run", own, "--notes", notes, "--out", out, "--no-check")
      yield* run
      const [first] = yield* runsIn(out)
      const before = yield* bytesOf(first!)
      yield* fs.writeFileString(notes, "as it is now")
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
      const told = journal.flatMap((record) => (record.kind === "note" ? [record.note] : []))
      assert.include(told[0], `are the run ${second!.slice(out.length + 1)}`)
    })
  )

  it.effect("of which any file is damaged or gone is refused by who reads it, and restored by the same command", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { out, folder, run } = yield* Recorded.copy
      const before = yield* bytesOf(folder)
      const manifest = yield* RunFolder.read(folder)
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
          const error = yield* Effect.flip(igm(command, folder, ...(command === "diff" ? [folder] : [])))
          assert.include(String((error as Error).message), `${folder}/`, `${command}, ${name}`)
        }
        if (isShown) yield* igm("export", folder, "--to", `${out}/heads.onnx`)
        const [found] = yield* Runs.list(out)
        assert.include(["damaged", "unreadable"], found!.state.kind)
        yield* run
        assert.deepStrictEqual(yield* bytesOf(folder), before, name)
      }
    })
  )

  it.effect("leads nobody out of its folder, whatever its manifest says", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { out, folder } = yield* Recorded.copy
      const manifest = yield* RunFolder.read(folder)
      const results = (yield* Results.read(folder, manifest))!
      const original = yield* fs.readFileString(`${folder}/${Results.files.results}`)
      const { heads } = results.methods[0]!.trainings[0]!
      const secret = yield* fs.readFile(path.join(folder, heads))
      yield* fs.writeFile(path.join(out, "secret.safetensors"), secret)
      /** Puts a run there whose results name other heads, as somebody might who can compute digests. */
      const claim = Effect.fnUntraced(function* (place: string) {
        const text = JSON.stringify(results).replaceAll(JSON.stringify(heads), JSON.stringify(place))
        const digest = Digest.ofBytes(new TextEncoder().encode(text))
        yield* fs.writeFileString(`${folder}/${Results.files.results}`, text)
        yield* RunFolder.writeManifest(folder, {
          ...manifest,
          files: { ...manifest.files, [Results.files.results]: digest }
        })
        const error = yield* Effect.flip(igm("export", folder, "--to", `${out}/heads.onnx`))
        return String((error as Error).message)
      })
      for (const place of ["../secret.safetensors", "/etc/passwd", "heads/../../secret.safetensors", "a\\b", ""]) {
        assert.include(yield* claim(place), `${Results.files.results}: this file is damaged`, place)
      }
      // A name within, of which the manifest has no digest, is no file of the run either.
      assert.include(yield* claim("heads/other.safetensors"), "no digest of it")
      // Nor is a file of the run what its manifest names elsewhere.
      yield* fs.writeFileString(`${folder}/${Results.files.results}`, original)
      const json = yield* Schema.encodeEffect(Manifest.Any)(manifest)
      const text = JSON.stringify(json).replaceAll(JSON.stringify(heads), JSON.stringify("../secret.safetensors"))
      yield* fs.writeFileString(`${folder}/manifest.json`, Sealed.text(JSON.parse(text) as Record<string, Digest.Json>))
      const error = yield* Effect.flip(igm("export", folder, "--to", `${out}/heads.onnx`))
      assert.include(String((error as Error).message), "no digest of it")
      assert.isFalse(yield* fs.exists(`${out}/heads.onnx`))
    })
  )

  it.effect("has exported heads that are not written over a file of somebody else's, as the run's own", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { out, folder } = yield* Recorded.copy
      const before = yield* bytesOf(folder)
      for (const name of [files.manifest, Results.files.predictions]) {
        const error = yield* Effect.flip(igm("export", folder, "--to", `${folder}/${name}`))
        assert.include(String((error as Error).message), "that igm export did not write", name)
      }
      assert.deepStrictEqual(yield* bytesOf(folder), before)
      // What it wrote itself it writes again, and the beginning of an id is enough.
      yield* igm("export", "tiny", "--out", out)
      yield* igm("export", "tiny", "--out", out)
      assert.isTrue(yield* fs.exists(`${folder}/heads.onnx`))
    })
  )

  it.effect.prop(
    "has exported heads that are refused where any byte is another",
    { flips: Schema.NonEmptyArray(Schema.Tuple([Share, Byte])).check(Schema.isMaxLength(12)) },
    ({ flips }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { out, folder } = yield* Recorded.copy
        const heads = `${out}/heads.onnx`
        yield* igm("export", folder, "--to", heads)
        const store = yield* fs.readDirectory(`${out}/.store`, { recursive: true })
        const [audio, image] = [".wav", ".png"].map((end) => store.find((name) => name.endsWith(end))!)
        const media = ["--audio", `${out}/.store/${audio}`, "--image", `${out}/.store/${image}`]
        yield* igm("predict", heads, ...media)
        const whole = yield* fs.readFile(heads)
        for (const [share, by] of flips) {
          const at = Math.min(whole.length - 1, Math.floor(share * whole.length))
          yield* fs.writeFile(heads, whole.with(at, whole[at]! ^ by))
          assert.include(String(((yield* Effect.flip(igm("predict", heads, ...media))) as Error).message), heads)
        }
        yield* fs.writeFile(heads, whole.subarray(0, -1))
        assert.include(String(((yield* Effect.flip(igm("predict", heads, ...media))) as Error).message), heads)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 3 } }
  )
})
