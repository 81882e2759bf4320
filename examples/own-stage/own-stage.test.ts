/**
 * The example's promises: what ran is not run again, a changed argument runs what depends on it, the program is the same one
 * without the command, and a replay finds what was changed and nothing else. All of it shares one store.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { EncoderRuntime } from "@igm/encoders"
import { Evaluate, Experiment, FeatureSet, Journal, RunFolder, RunStore, Stage, Trial, files } from "@igm/experiment"
import { Baselines, Head, Ring, Selection } from "@igm/gradient"
import { AppendFile, ArtifactStore, Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { Safetensors } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Context, Effect, FileSystem, Layer, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import * as ReplayCommand from "../../packages/cli/src/ReplayCommand.ts"
import { TypeScript } from "../../packages/cli/src/TypeScript.ts"
import program from "./experiment.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const SOURCES = ["experiment.ts", "ensemble.ts", "whitening.ts", "main.ts"]

/** A folder with a copy of the example, in whose `runs` it is run. */
class Home extends Context.Service<Home, { readonly folder: string }>()("own-stage/Home") {
  static readonly layer = Layer.effect(
    Home,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const folder = `${yield* fs.realPath(root)}/home`
      yield* fs.makeDirectory(folder)
      for (const file of SOURCES) yield* fs.copyFile(here(file), `${folder}/${file}`)
      yield* fs.symlink(here("../../node_modules"), `${folder}/node_modules`)
      return Home.of({ folder })
    })
  )
}

const store = Layer.unwrap(Effect.map(Home, ({ folder }) => RunStore.layer(`${folder}/runs`)))

const services = Layer.mergeAll(
  store,
  EncoderRuntime.layer("cpu"),
  HeadTrainer.layer({ engine: "onnx", device: "cpu" }),
  MediaDecoder.layer,
  Progress.layerSilent,
  TypeScript.layerNone
).pipe(Layer.provideMerge(Home.layer), Layer.provideMerge(NodeServices.layer))

type Args = Parameters<typeof Experiment.run<typeof program.args, never, never>>[1]

/** Runs the example. */
const run = Effect.fnUntraced(function* (args: Args = {}) {
  const { folder } = yield* Home
  const done = yield* Experiment.run(program, args, { file: `${folder}/experiment.ts` })
  const made = done.artifacts.flatMap(({ reused, name }) => (reused ? [] : [name]))
  return { ...done, made: made.filter((name) => !name.startsWith("speech")) }
})

/** The outcome of a run: its artifacts in order, and the digest of its report's data. */
const outcome = Effect.fnUntraced(function* (folder: string) {
  const { artifacts, report } = yield* RunFolder.read(folder)
  return { artifacts, report }
})

/** Replays a run from its first own stage on, with other arguments if there are any. */
const replay = Effect.fnUntraced(function* (folder: string, args: Args = {}) {
  const manifest = yield* RunFolder.read(folder)
  const changed = { ...manifest, arguments: { ...manifest.arguments, ...args } }
  return yield* ReplayCommand.replay({ folder, manifest: changed, from: "fit", tolerance: 0, refused: [] })
})

/** A store in which a piece of work is tampered with once its body is done. */
const tampered = (name: string, tamper: (scratch: string) => Effect.Effect<void, unknown>) =>
  Effect.updateService(ArtifactStore, (own) =>
    ArtifactStore.of({
      ...own,
      getOrMake: (work, make) =>
        own.getOrMake(work, (scratch) =>
          Effect.tap(make(scratch), () => (work.name === name ? Effect.orDie(tamper(scratch)) : Effect.void))
        )
    })
  )

/** The stages that a run stored, in the order of their completion. */
const completed = Effect.fnUntraced(function* (folder: string) {
  const { records } = yield* AppendFile.read(`${folder}/${files.journal}`, Journal.Record)
  return records.flatMap((record) => (record.kind === "stored" ? [record.name] : []))
})

const own = ["fit", "whiten train", "whiten valid", "whiten test"]
const trainings = ["train IGM (paper), seed 1", "train late fusion, seed 1"]
const after = ["evaluation", "ensemble"]

layer(services, { excludeTestServices: true, timeout: 300_000 })("own-stage", (it) => {
  it.effect("runs all once, and then what depends on an argument that is another", () =>
    Effect.gen(function* () {
      const first = yield* run()
      const made = first.made.filter((name) => !/^(media|encode|samples)/.test(name))
      assert.deepStrictEqual(made, [...own, ...trainings, ...after])
      assert.deepStrictEqual((yield* run()).made, [])
      assert.deepStrictEqual((yield* run({ epsilon: 0.01 })).made, [...own, ...trainings, ...after])
      assert.deepStrictEqual((yield* run({ methods: ["late", "joint"] })).made, ["train joint head, seed 1", ...after])
    })
  )

  it.effect("is the same program without the command", () =>
    Effect.gen(function* () {
      const { folder } = yield* Home
      const fs = yield* FileSystem.FileSystem
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const { folder: own } = yield* run()
      const before = yield* fs.readDirectory(`${folder}/runs`)
      const node = ["--disable-warning=ExperimentalWarning", "main.ts"]
      assert.strictEqual(yield* spawner.exitCode(ChildProcess.make(process.execPath, node, { cwd: folder })), 0)
      const name = (yield* fs.readDirectory(`${folder}/runs`)).find((entry) => !before.includes(entry))
      assert.deepStrictEqual(yield* outcome(`${folder}/runs/${name}`), yield* outcome(own))
    })
  )

  it.effect("replays, and an argument that is another in its last digit is found", () =>
    Effect.gen(function* () {
      const { folder } = yield* run()
      const same = yield* replay(folder)
      assert.isTrue(same.equal, ReplayCommand.text(same))
      const { differences } = yield* replay(folder, { epsilon: 0.0010000000000000002 })
      assert.strictEqual(differences[0]!.name, "fit")
      assert.deepStrictEqual(differences[0]!.work, [
        { path: ["key", "input", "epsilon"], a: 0.001, b: 0.0010000000000000002 }
      ])
    })
  )

  it.effect("a line of an imported file that is another is found where it first makes something else", () =>
    Effect.gen(function* () {
      const { folder } = yield* Home
      const fs = yield* FileSystem.FileSystem
      const recorded = yield* run()
      const moved = `${folder}/../moved`
      yield* fs.copy(folder, moved)
      const text = yield* fs.readFileString(`${moved}/whitening.ts`)
      assert.include(text, "dot(a, b) / count")
      yield* fs.writeFileString(`${moved}/whitening.ts`, text.replace("dot(a, b) / count", "dot(a, b) / (count - 1)"))
      const found = yield* replay(recorded.folder.replace(folder, moved)).pipe(
        Effect.provide(Layer.fresh(RunStore.layer(`${moved}/runs`)))
      )
      const { name, work, files } = found.differences[0]!
      assert.deepStrictEqual([name, work, files], ["fit", [], ["output.json"]])
      assert.deepStrictEqual(found.inputs.changed, [`${yield* fs.realPath(moved)}/whitening.ts`])
    })
  )

  it.effect("one ulp in a row of an artifact is found in that artifact", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { folder } = yield* run({ epsilon: 0.002, methods: ["late"] }).pipe(
        tampered(
          "whiten valid",
          Effect.fnUntraced(function* (scratch) {
            const file = `${scratch}/valid-features.safetensors`
            const { tensors } = Safetensors.decode(yield* fs.readFile(file))
            const { data } = tensors["image"] as { readonly data: Float32Array }
            const bits = new Int32Array(data.buffer, data.byteOffset, data.length)
            bits[70]! += 1
            yield* fs.writeFile(file, Safetensors.encode(tensors))
          })
        )
      )
      const { differences } = yield* replay(folder)
      const { name, work, files, deviation } = differences[0]!
      assert.deepStrictEqual([name, work, files], ["whiten valid", [], ["valid-features.safetensors"]])
      assert.isBelow(deviation!, 1e-6)
    })
  )

  it.effect("stages in parallel that are done in another order are no difference", () =>
    Effect.gen(function* () {
      const plain = yield* run()
      const other = yield* run({ epsilon: 0.003, methods: ["late"] }).pipe(
        tampered("whiten test", () => Effect.sleep(500))
      )
      const last = (yield* completed(other.folder)).findLast((name) => name.startsWith("whiten"))
      assert.strictEqual(last, "whiten test")
      const names = (artifacts: typeof plain.artifacts) =>
        artifacts.flatMap(({ stage, name }) => (stage === "whiten" ? [name] : []))
      assert.deepStrictEqual(names(other.artifacts), names(plain.artifacts))
      const found = yield* replay(other.folder)
      assert.isTrue(found.equal, ReplayCommand.text(found))
    })
  )
})

describe("own-stage's types", () => {
  const options = {
    heads: { audio: Head.make(32, 16, 10), image: Head.make(32, 16, 10) },
    ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
    selection: Selection.best("accuracy"),
    batch: 6,
    rho: 0
  }
  const wide = { ...options, heads: { audio: Head.make(128, 16, 10), image: Head.make(128, 16, 10) } }
  const fit = Stage.make("fit", {
    version: 1,
    input: Schema.Struct({ train: FeatureSet.ref("train", { audio: 32, image: 32 }) }),
    output: Schema.Int,
    run: ({ train }) => Effect.succeed(train.count)
  })

  it("a width that does not fit, and a test split where none may be, do not compile", () => {
    const typed = ({ train, valid, test }: FeatureSet.Splits<{ readonly audio: 32; readonly image: 32 }>) => {
      const methods = [Baselines.lateFusion(options)] as const
      void Trial.all({ methods, seeds: [1], on: { train, valid } })
      void fit.run({ train: train.ref })
      // @ts-expect-error heads of the width before the own stage
      void Trial.all({ methods: [Baselines.lateFusion(wide)], seeds: [1], on: { train, valid } })
      // @ts-expect-error the test split selects
      void Trial.all({ methods, seeds: [1], on: { train, valid: test } })
      // @ts-expect-error the test split is fitted on
      void fit.run({ train: test.ref })
      // @ts-expect-error the validation split is the test split
      void Evaluate.test([], valid)
    }
    assert.isFunction(typed)
  })
})
