import { assert, layer as withLayer } from "@effect/vitest"
import { Results, RunFolder, RunSchemas, Runs, files } from "@igm/experiment"
import { Console, Effect, FileSystem, Layer, Schema } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { Recorded, SLOWLY, igm, program, recordings } from "./fixture.ts"

/** What a command prints. */
const said = Effect.fn(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* igm(...args)
  return (yield* TestConsole.logLines).slice(before).map(String).join("\n")
})

/** Runs of the small experiment with seeds 1 and 2, one minute apart. */
const runs = Layer.effectDiscard(
  Effect.gen(function* () {
    const { out, args } = yield* Recorded
    yield* TestClock.adjust("1 minute")
    yield* igm(...args, "--seed", "2", "--out", out).pipe(
      Effect.provideServiceEffect(Console.Console, TestConsole.make)
    )
  })
).pipe(
  Layer.provideMerge(
    Recorded.layer(Effect.map(recordings, (speech) => ["run", program, "--speech", speech, "--no-check"]))
  )
)

/** A copy of both, and what the commands say of them. */
const two = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { out } = yield* Recorded.copy
  const { args, printed } = yield* Recorded
  const run = (seed: number) => said(...args, "--out", out, "--seed", String(seed))
  const ask = (...args: ReadonlyArray<string>) => said(...args, "--out", out)
  const [second, first] = (yield* Runs.list(out)).map(({ id }) => id)
  return { fs, out, run, ask, printed, first: first!, second: second! }
})

/** Turns a finished run into one that was killed in its second training. */
const stop = Effect.fn(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const manifest = yield* RunFolder.read(folder)
  yield* RunFolder.writeManifest(folder, { ...manifest, status: "begun" })
  const journal = `${folder}/${files.journal}`
  const lines = (yield* fs.readFileString(journal)).split("\n")
  const epochs = lines.flatMap((line, i) => (line.includes('"kind":"progress"') && line.includes("seed 2") ? [i] : []))
  yield* fs.writeFileString(journal, `${lines.slice(0, epochs[0]! + 1).join("\n")}\n{"half`)
})

withLayer(runs, SLOWLY)("igm runs, show, diff and gc", (it) => {
  it.effect("tell of two runs what came out, how they came about and where they differ", () =>
    Effect.gen(function* () {
      const { fs, out, ask, printed, first, second } = yield* two

      yield* fs.makeDirectory(`${out}/damaged`)
      yield* fs.writeFileString(`${out}/damaged/manifest.json`, "{")
      const list = (yield* ask("runs")).split("\n")
      const rows = list.slice(2, 5).map((line) => line.split(/ {3,}/))
      assert.deepStrictEqual(
        rows.map(([id, , state]) => (id === "damaged" ? id : `${id} ${state}`)),
        [`${second} finished`, `${first} finished`, "damaged"]
      )
      assert.match(rows[0]![5]!, /^IGM \(paper\) accuracy 0\.\d{3} ± 0\.\d{3}$/)
      assert.include(list.at(-1), `${out}/damaged/manifest.json: this is not the manifest of a run`)
      const entries = JSON.parse(yield* ask("runs", "--json")) as ReadonlyArray<{
        id: string
        arguments: { seed: unknown }
      }>
      assert.deepStrictEqual(entries[1]!.arguments.seed, 1)

      const shown = yield* ask("show", first)
      const table = printed.slice(printed.indexOf("Test results"), printed.indexOf("Paired comparisons"))
      assert.include(shown, table.trimEnd())
      assert.match(shown, /IGM \(paper\) +2 +2 +[12] +accuracy +0\.\d{3} +audio \S+, image \S+/)
      assert.match(shown, /training +4 artifacts +made +\d/)
      assert.match(yield* ask("show", first, "--all"), /training +train late fusion, seed 1 +made +\d/)

      assert.include(yield* ask("diff", first, first, "--exit-code"), "No difference.")
      const differ = yield* ask("diff", first, second)
      assert.match(differ, /arguments\.seed +1 +2/)
      assert.match(differ, /training +train IGM \(paper\), seed 2 +differs +differs +key\.input\./)
      assert.match(differ, /IGM \(paper\) +3 +accuracy +none +[01]\.\d{4}/)
      assert.notInclude(differ, "Environment")
      const error = yield* Effect.flip(ask("diff", first, second, "--exit-code"))
      assert.strictEqual((error as Error).message, `${out}/${first} and ${out}/${second} differ`)

      yield* stop(`${out}/${second}`)
      const stopped = yield* ask("show", second)
      assert.include(stopped, `${second}   stopped`)
      assert.include(stopped, "It has come to: train IGM (paper), seed 2.")
      assert.match(stopped, /train IGM \(paper\), seed 2 +1 +loss \S+, weights \w+ +no/)
    })
  )

  it.effect("another seed gives other digests of features and weights", () =>
    Effect.gen(function* () {
      const { out, first, second } = yield* two
      const digestsOf = Effect.fnUntraced(function* (id: string) {
        const folder = `${out}/${id}`
        return (yield* Results.read(folder, yield* RunFolder.read(folder)))!.digests
      })
      const [one, other] = [yield* digestsOf(first), yield* digestsOf(second)]
      assert.notStrictEqual(other.features, one.features)
      assert.notStrictEqual(other.weights, one.weights)
    })
  )

  it.effect("after a collection the runs that are left reuse everything, and the rest is gone", () =>
    Effect.gen(function* () {
      const { fs, out, run, ask, first, second } = yield* two
      const stored = Effect.map(fs.readDirectory(`${out}/.store`, { recursive: true }), (names) =>
        names.filter((name) => name.endsWith("artifact.json")).toSorted()
      )
      const all = yield* stored
      const features = JSON.parse(yield* ask("features", "--json")) as ReadonlyArray<{
        readonly encoder: { readonly name: string }
        readonly sets: number
        readonly samples: number
        readonly encoded: number
        readonly bytes: number
      }>
      assert.deepStrictEqual(features.map(({ encoder }) => encoder.name).toSorted(), ["digit-audio", "digit-image"])
      for (const { sets, samples, encoded, bytes } of features) {
        // The recordings are the same in both runs, their noise is not.
        assert.isAtLeast(sets, 3)
        assert.strictEqual(encoded, samples)
        assert.isAtLeast(bytes, 4 * 128 * samples)
      }
      assert.match(yield* ask("features"), /digit-audio {3,}log-spectrogram {3,}\d+ .*cpu, onnxruntime/)
      assert.include(yield* ask("gc"), "nothing to remove")
      assert.include(yield* ask("gc", "--run", second, "--dry-run"), "would remove the run")
      assert.include(yield* ask("gc", "--run", second), `removed the run ${out}/${second}`)
      assert.isFalse(yield* fs.exists(`${out}/${second}`))
      assert.deepStrictEqual(yield* stored, all)
      assert.include(yield* ask("gc", "--dry-run"), "would remove artifact")
      assert.deepStrictEqual(yield* stored, all)
      const told = yield* ask("gc")
      const left = yield* stored
      assert.match(told, new RegExp(`removed ${all.length - left.length} in all, .* bytes\\)$`))
      const { manifest } = yield* Runs.look(`${out}/${first}`)
      assert.strictEqual(manifest?.status, "finished")
      const named = manifest?.status === "finished" ? manifest.artifacts : []
      assert.deepStrictEqual(left, named.map(({ stage, digest }) => `${stage}/${digest}/artifact.json`).toSorted())
      assert.isBelow(left.length, all.length)
      assert.include(
        yield* run(1),
        "reused   media 1 of 1, features 6 of 6, samples 3 of 3, training 4 of 4, evaluation 1 of 1"
      )
    })
  )

  it.effect("the schemas describe all that a run writes, and nothing in its files is missing from them", () =>
    Effect.gen(function* () {
      const { fs, out, ask, first } = yield* two
      const whole = (file: string) => Effect.map(fs.readFileString(file), (text) => [text])
      const linesOf = (file: string) =>
        Effect.map(fs.readFileString(file), (text) => text.split("\n").filter((line) => line !== ""))
      const names = yield* fs.readDirectory(`${out}/.store`, { recursive: true })
      const artifact = names.find((name) => name.startsWith("training") && name.endsWith("artifact.json"))!
      const texts = {
        manifest: yield* whole(`${out}/${first}/${files.manifest}`),
        journal: yield* linesOf(`${out}/${first}/${files.journal}`),
        trainings: yield* linesOf(`${out}/${first}/${Results.files.trainings}`),
        results: yield* whole(`${out}/${first}/${Results.files.results}`),
        report: yield* whole(`${out}/${first}/${files.reportData}`),
        spans: yield* linesOf(`${out}/${first}/${files.spans}`),
        artifact: yield* whole(`${out}/.store/${artifact}`)
      }
      for (const name of RunSchemas.names) {
        const schema = RunSchemas.schemas[name] as Schema.Codec<unknown>
        assert.isAbove(texts[name].length, 0)
        for (const text of texts[name]) {
          yield* Schema.decodeUnknownEffect(schema)(JSON.parse(text), { onExcessProperty: "error" })
        }
        const printed = JSON.parse(yield* said("schema", name)) as object
        assert.deepStrictEqual(printed, JSON.parse(JSON.stringify(RunSchemas.jsonSchema(name))))
        assert.property(printed, "$schema")
      }
      assert.deepStrictEqual(Object.keys(JSON.parse(yield* said("schema")) as object), [...RunSchemas.names])
      assert.include(yield* ask("show", first, "--json"), '"weights"')
    })
  )
})
