/** What somebody relies on who gets a colleague's folder: a run that was moved or copied with its store and its program is a run. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { ArtifactStore, FileDigest, Progress } from "@igm/io"
import { Report } from "@igm/report"
import { Digest, Split } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Layer, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Args,
  Evaluate,
  Experiment,
  FeatureSet,
  Replay,
  Run,
  RunDiff,
  RunFolder,
  RunStore,
  Runner,
  Runs,
  Stage,
  Trial,
  files
} from "../../src/index.ts"
import { drawn, stored } from "../fixture.ts"

const WIDTHS = { audio: 4, image: 3 } as const

const options = {
  heads: { audio: Head.make(4, 6, 3), image: Head.make(3, 6, 3) },
  ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
  selection: Selection.best("accuracy"),
  batch: 6,
  rho: 0
}

/** Adds noise to features; notes where its body ran. */
const noisy = (ran: Array<string>) =>
  Stage.make("noisy", {
    version: 1,
    input: FeatureSet.ref(Split.all, WIDTHS),
    output: FeatureSet.ref(Split.all, WIDTHS),
    run: Effect.fnUntraced(function* (ref) {
      ran.push(ref.split)
      const noise = yield* Random.next
      const { modalities } = yield* FeatureSet.load(ref)
      const { audio, image } = modalities
      return yield* FeatureSet.save(ref, WIDTHS, { audio: { ...audio, data: audio.data.map((x) => x + noise) }, image })
    })
  })

const ensemble = Stage.make("ensemble", {
  version: 1,
  input: Evaluate.PredictionsRef,
  output: Schema.Finite,
  run: (ref) => Effect.map(Evaluate.load(ref), ({ probabilities }) => probabilities.reduce((n, p) => n + p.data[0]!, 0))
})

const experiment = (ran: Array<string> = []) =>
  Experiment.make("moved", {
    args: Schema.Struct({ data: Args.Folder, more: Schema.Array(Args.File), tau: Args.NonNegative }),
    run: Effect.fnUntraced(function* ({ data, more, tau }) {
      const read = [`${data}/labels.csv`, ...more]
      const inputs = yield* Effect.forEach(read, (path) =>
        Effect.map(FileDigest.of(path), (digest) => ({ path, digest }))
      )
      yield* Run.use((run) => run.reads(inputs))
      const of = <S extends Split.Split>(split: S) => stored(drawn(split, WIDTHS, { count: 12, classes: 3 }))
      const splits = { train: yield* of("train"), valid: yield* of("valid"), test: yield* of("test") }
      const on = yield* FeatureSet.map(splits, noisy(ran).run)
      const methods = [Igm.paper({ ...options, tau }), Baselines.lateFusion(options)] as const
      const { predictions } = yield* Evaluate.test(yield* Trial.all({ methods, seeds: [1], on }), on.test)
      const found = yield* ensemble.run(predictions)
      yield* Run.use((run) => run.attach({ "found.txt": `${found}\n` }))
      return Report.make("Moved", [Report.json("found", found)])
    })
  })

/** A project with a program, its data and the folder of its runs. */
const project = Effect.fnUntraced(function* (home: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(`${home}/data`, { recursive: true })
  yield* fs.writeFileString(`${home}/package.json`, "{}")
  yield* fs.writeFileString(`${home}/main.ts`, 'import "./rule.ts"')
  yield* fs.writeFileString(`${home}/rule.ts`, "")
  yield* fs.writeFileString(`${home}/data/labels.csv`, "a,1")
  yield* fs.writeFileString(`${home}/table.csv`, "b,2")
})

const sourcesIn = (home: string) => {
  const at = (path: string) => ({ path: `${home}/${path}`, digest: Digest.ofBytes(new TextEncoder().encode("")) })
  return { program: at("main.ts"), modules: [at("rule.ts")], code: { version: "1", sources: Digest.ofJson("code") } }
}

const givenIn = (home: string) => ({ data: `${home}/data`, more: [`${home}/table.csv`], tau: 0.4 })

const start = (home: string, ran: Array<string> = []) =>
  Effect.gen(function* () {
    const prepared = yield* Runner.prepare(experiment(ran), givenIn(home))
    return yield* Runner.run(prepared, { out: `${home}/runs`, sources: sourcesIn(home) })
  }).pipe(Effect.provide(RunStore.layer(`${home}/runs`)))

const sideOf = (folder: string) => Effect.flatMap(Runs.look(folder), RunDiff.side)

const environment = Layer.mergeAll(HeadTrainer.layerReference, Progress.layerSilent).pipe(
  Layer.provideMerge(NodeServices.layer)
)

describe("A run that was moved with its store and its program", () => {
  it.effect("is read, compared, replayed and run again where it lies now", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
      const [home, away] = [`${root}/home`, `${root}/far/away`]
      yield* project(home)
      const { folder } = yield* start(home)
      const id = folder.split("/").at(-1)!
      const [manifest, before] = [yield* RunFolder.read(folder), yield* sideOf(folder)]
      assert.notInclude(JSON.stringify(manifest), root, "nothing in it says where it lies")
      assert.deepStrictEqual(manifest.arguments, { data: "../../data", more: ["../../table.csv"], tau: 0.4 })
      assert.deepStrictEqual(
        manifest.inputs.map(({ path }) => path),
        ["../../data/labels.csv", "../../table.csv"]
      )
      const text = yield* fs.readFileString(`${folder}/${files.manifest}`)

      yield* fs.makeDirectory(`${root}/far`)
      yield* fs.copy(home, away)
      yield* fs.remove(home, { recursive: true })
      const there = `${away}/runs/${id}`
      assert.deepStrictEqual(yield* RunFolder.read(there), manifest)
      const [found] = yield* Runs.list(`${away}/runs`)
      assert.deepStrictEqual([found!.id, found!.state], [id, { kind: "finished" }])
      const after = yield* sideOf(there)
      assert.deepStrictEqual(after, before)
      assert.isTrue(RunDiff.isSame(RunDiff.of(before, after)))
      assert.isTrue(after.artifacts.every(({ described }) => described !== null))
      const { missing, changed, count } = yield* Replay.inputs(there, manifest)
      assert.deepStrictEqual([missing, count], [[], 4])
      // Of the digests that this test made up.
      assert.deepStrictEqual(changed, [`${away}/main.ts`])

      const replayed = yield* Effect.gen(function* () {
        const store = yield* ArtifactStore
        const given = Args.mapPaths(experiment().specs, manifest.arguments, (path) =>
          path.replace("../../", `${away}/`)
        )
        assert.deepStrictEqual(given, givenIn(away))
        const { program } = yield* Runner.prepare(experiment(), given)
        const from = Replay.before(manifest.artifacts, "ensemble")!
        return yield* Effect.forEach([[], from], (taken) =>
          Effect.gen(function* () {
            const executed = yield* Runner.execute("moved", program)
            const options = { tolerance: 0 }
            const { differences } = yield* Replay.compare(manifest.artifacts, store, executed.artifacts, options)
            const reused = executed.artifacts.filter((one) => one.reused).length
            return [reused, differences, yield* Replay.results(there, manifest, executed)] as const
          }).pipe(
            Effect.provide(
              Layer.merge(
                Replay.layerStore(taken),
                Layer.sync(Run, () => Run.unrecorded("epoch"))
              )
            )
          )
        )
      }).pipe(Effect.provide(ArtifactStore.layer(`${away}/runs/.store`)))
      assert.deepStrictEqual(replayed, [
        [0, [], null],
        [manifest.artifacts.length - 1, [], null]
      ])

      const ran: Array<string> = []
      const again = yield* start(away, ran)
      assert.strictEqual(again.folder, there)
      assert.deepStrictEqual(ran, [])
      assert.isTrue(again.artifacts.every(({ reused }) => reused))
      assert.strictEqual(yield* fs.readFileString(`${there}/${files.manifest}`), text)
      assert.deepStrictEqual(yield* fs.readDirectory(`${away}/runs`), [".store", id])
    }).pipe(Effect.provide(environment), TestClock.withLive)
  )

  it.effect("whose store was left behind makes its artifacts anew, the same ones", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
      const [home, away] = [`${root}/home`, `${root}/away`]
      yield* project(home)
      const { folder } = yield* start(home)
      const text = yield* fs.readFileString(`${folder}/${files.manifest}`)
      yield* fs.rename(home, away)
      yield* fs.remove(`${away}/runs/.store`, { recursive: true })
      const there = `${away}/runs/${folder.split("/").at(-1)!}`
      const side = yield* sideOf(there)
      assert.isTrue(side.artifacts.every(({ described }) => described === null))
      const again = yield* start(away)
      assert.strictEqual(again.folder, there)
      assert.isFalse(again.artifacts.some(({ reused }) => reused))
      assert.strictEqual(yield* fs.readFileString(`${there}/${files.manifest}`), text)
    }).pipe(Effect.provide(environment), TestClock.withLive)
  )
})
