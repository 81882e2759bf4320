/** What a user of stages relies on: whatever stops a run, running it again ends where one clean run ends, and nothing is done twice. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { type Artifact, AppendFile, ArtifactStore, AtomicFile, type IoError, contentOf } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Cause, Context, Deferred, Effect, Exit, FileSystem, Layer, Path, Schema } from "effect"
import { type Checkpoints, Journal, Run, Stage, StageFolder, files } from "../../src/index.ts"

class Broken extends Schema.TaggedError<Broken>()("Broken", { node: Schema.Int }) {}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const MOST = 12

/**
 * A stage of a graph: what it is, which earlier stages it takes (those of a higher number are left out), whether those that
 * come later take its file or its number, and how often it fails before it succeeds.
 */
const Node = Schema.Struct({
  kind: between(0, 3),
  version: between(1, 2),
  setting: between(0, 1),
  takes: Schema.Array(between(0, MOST - 1)).check(Schema.isMaxLength(4)),
  file: Schema.Boolean,
  fails: between(0, 2)
})

const Graph = Schema.Array(Node).check(Schema.isMinLength(1), Schema.isMaxLength(MOST))

/** Where a start of the run is interrupted. */
const Stop = Schema.Struct({
  node: between(0, MOST - 1),
  where: Schema.Literals(["start", "middle", "stored"])
})

const Stops = Schema.Array(Stop).check(Schema.isMaxLength(4))

type Stop = typeof Stop.Type

const Input = Schema.Struct({
  setting: Schema.Int,
  numbers: Schema.Array(Schema.Int),
  files: Schema.Array(Stage.Reference)
})

const Output = Schema.Struct({ number: Schema.Int })

const LARGE = "large.txt"

/** What the bodies of a graph do beside their work: count, fail, stop. */
interface Weather {
  readonly failed: Map<number, number>
  readonly stop: Stop | undefined
  /** Done where the run is to be interrupted. */
  readonly reached: Deferred.Deferred<void>
}

/** A number that all of the values went into. */
const mixed = (...values: ReadonlyArray<Digest.Json>) => Number.parseInt(Digest.ofJson(values).slice(0, 8), 16)

/** All stages of a graph, each as soon as those that it takes are done. */
const all = Effect.fnUntraced(function* (graph: typeof Graph.Type, { failed, stop, reached }: Weather) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { folder: store } = yield* ArtifactStore
  const done: Array<Effect.Effect<Stage.Stored<typeof Output.Type>, Broken | IoError, Services>> = []
  for (const [i, { kind, version, setting, takes, file, fails }] of graph.entries()) {
    const own = [...new Set(takes)].filter((j) => j < i)
    const at = (where: Stop["where"]) =>
      stop?.node === i && stop.where === where
        ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        : Effect.void
    const node = Effect.gen(function* () {
      const taken = yield* Effect.forEach(own, (j) => done[j]!, { concurrency: "unbounded" })
      const large = taken.filter((_, k) => graph[own[k]!]!.file)
      const name = `kind ${kind}${file ? " with a file" : ""}`
      const stage = Stage.make(name, {
        version,
        input: Input,
        output: Output,
        run: Effect.fnUntraced(function* (input) {
          const place = yield* StageFolder
          assert.isFalse(yield* Effect.orDie(fs.exists(path.join(store, name, place.digest))), "it is stored")
          yield* at("start")
          const texts = yield* Effect.forEach(large, ({ artifact }) =>
            Effect.orDie(fs.readFileString(path.join(artifact.folder, LARGE)))
          )
          if (file) {
            yield* Effect.orDie(fs.writeFileString(path.join(place.folder, LARGE), `${kind} ${texts.join()}`.repeat(3)))
          }
          yield* at("middle")
          const before = failed.get(i) ?? 0
          if (before < fails) {
            failed.set(i, before + 1)
            return yield* new Broken({ node: i })
          }
          return { number: mixed(kind, version, input.setting, input.numbers, texts) }
        })
      })
      const input = {
        setting,
        numbers: taken.filter((_, k) => !graph[own[k]!]!.file).map(({ value }) => value.number),
        files: large.map(({ artifact }) => Stage.reference(artifact))
      }
      const stored = yield* stage.stored(input, { name: `node ${i}` })
      yield* at("stored")
      return stored
    })
    done.push(yield* Effect.cached(node))
  }
  return yield* Effect.all(done, { concurrency: "unbounded" })
})

type Services = Stage.Environment

/** A start of the run of a graph: its layers are opened, and closed at its end. */
const start = (folder: string, graph: typeof Graph.Type, weather: Weather) =>
  Effect.scoped(
    Effect.raceFirst(all(graph, weather), Effect.andThen(Deferred.await(weather.reached), Effect.interrupt))
  ).pipe(
    Effect.provide(
      Run.layer(folder, { trace: "epoch" }).pipe(Layer.provideMerge(ArtifactStore.layer(`${folder}/.store`)))
    ),
    Effect.exit
  )

const still = (failed = new Map<number, number>(), stop?: Stop) =>
  Effect.map(Deferred.make<void>(), (reached): Weather => ({ failed, stop, reached }))

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

const found = (stored: ReadonlyArray<Stage.Stored<unknown>>) =>
  stored.map(({ value, artifact }) => [value, artifact.digest, contentOf(artifact)])

describe("Graphs of stages", () => {
  it.effect.prop(
    "end, through failures and interruptions, in the artifacts of one clean run, and no body runs once its artifact is stored",
    { graph: Graph, stops: Stops },
    ({ graph, stops }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const sound = graph.map((node) => ({ ...node, fails: 0 }))
        const clean = yield* yield* start(yield* temporary, sound, yield* still())

        const folder = yield* temporary
        const failed = new Map<number, number>()
        for (const stop of stops) yield* start(folder, graph, yield* still(failed, stop))
        const starts = graph.reduce((n, { fails }) => n + fails, 1)
        let exit = yield* start(folder, graph, yield* still(failed))
        for (let n = 1; n < starts && Exit.isFailure(exit); n++)
          exit = yield* start(folder, graph, yield* still(failed))
        const resumed = yield* exit
        assert.deepStrictEqual(found(resumed), found(clean))

        const left = yield* fs.readDirectory(path.join(folder, ".store"))
        assert.isFalse(
          left.some((name) => name.startsWith(AtomicFile.PARTIAL)),
          left.join()
        )
        const { records, torn } = yield* AppendFile.read(path.join(folder, files.journal), Journal.Record)
        assert.strictEqual(torn, 0)
        const made = records.flatMap((record) => (record.kind === "stored" && !record.reused ? [record.digest] : []))
        assert.strictEqual(new Set(made).size, made.length, "an artifact was made twice")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 36 } }
  )
})

const environment = Layer.unwrap(Effect.map(temporary, ArtifactStore.layer)).pipe(
  Layer.provideMerge(NodeServices.layer),
  Layer.merge(Run.layerNone)
)

describe("A stage", () => {
  const parts = {
    version: 1,
    input: Schema.Struct({ number: Schema.Finite }),
    output: Schema.Finite,
    run: ({ number }: { readonly number: number }) => Effect.succeed(number / 2)
  }
  const half = Stage.make("half", parts)

  it.effect(
    "runs again when its version, a schema, its input or what it runs on is another, and not for its name",
    () =>
      Effect.gen(function* () {
        const reused = (stored: Stage.Stored<unknown>) => stored.artifact.reused
        const input = { number: 3 }
        assert.isFalse(reused(yield* half.stored(input)))
        assert.isTrue(reused(yield* half.stored(input)))
        assert.isTrue(reused(yield* half.stored(input, { name: "half of three" })))
        assert.isFalse(reused(yield* Stage.make("half", { ...parts, version: 2 }).stored(input)))
        assert.isFalse(reused(yield* half.stored({ number: 4 })))
        assert.isFalse(reused(yield* half.stored(input, { on: { device: "cpu" } })))
        assert.isFalse(reused(yield* half.stored(input, { on: { device: "gpu" } })))
        const positive = Schema.Finite.check(Schema.isGreaterThan(0))
        assert.isFalse(reused(yield* Stage.make("half", { ...parts, output: positive }).stored(input)))
        const strict = Stage.make("half", { ...parts, input: Schema.Struct({ number: positive }) })
        assert.isFalse(reused(yield* strict.stored(input)))
        assert.isFalse(reused(yield* Stage.make("other", parts).stored(input)))
        assert.isTrue(reused(yield* half.stored(input)))
      }).pipe(Effect.provide(environment))
  )

  it.effect("gives what its body gave, also what JSON has no word for", () =>
    Effect.gen(function* () {
      const values = [Number.NaN, Number.POSITIVE_INFINITY, 0.1, -1e300]
      const same = Stage.make("same", {
        version: 1,
        input: Schema.Struct({ values: Schema.Array(Schema.Number), at: Schema.Date }),
        output: Schema.Struct({ values: Schema.Array(Schema.Number), at: Schema.Date }),
        run: Effect.succeed
      })
      const input = { values, at: new Date(0) }
      assert.deepStrictEqual(yield* same.run(input), input)
      const again = yield* same.stored(input)
      assert.isTrue(again.artifact.reused)
      assert.deepStrictEqual(again.value, input)
      assert.isFalse((yield* same.stored({ ...input, at: new Date(1) })).artifact.reused)
    }).pipe(Effect.provide(environment))
  )

  it.effect("has its output read by reference, and no other stage's", () =>
    Effect.gen(function* () {
      const { ref } = yield* half.stored({ number: 5 })
      assert.strictEqual(yield* half.load(ref), 2.5)
      const other = yield* Effect.flip(Stage.make("other", parts).load(ref))
      assert.include(other.message, "this is an artifact of half, and not of other")
      const gone = yield* Effect.flip(half.load({ ...ref, $at: { stage: "half", digest: "0".repeat(64) } }))
      assert.include(gone.message, "this artifact is not in the store any more")
    }).pipe(Effect.provide(environment))
  )

  it.effect("that is asked for twice at a time is run once", () =>
    Effect.gen(function* () {
      let runs = 0
      const slow = Stage.make("half", {
        ...parts,
        run: Effect.fnUntraced(function* ({ number }) {
          runs += 1
          yield* Effect.yieldNow
          return number / 2
        })
      })
      const twins = yield* Effect.all(
        Array.from({ length: 5 }, () => slow.stored({ number: 1 })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(runs, 1)
      assert.strictEqual(new Set(twins.map(({ artifact }) => artifact.folder)).size, 1)
      assert.strictEqual(twins.filter(({ artifact }) => !artifact.reused).length, 1)
    }).pipe(Effect.provide(environment))
  )

  it.effect("that failed leaves nothing in the store, and its error is its caller's", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const store = yield* ArtifactStore
      const broken = Stage.make("half", {
        ...parts,
        run: Effect.fnUntraced(function* () {
          const { folder } = yield* StageFolder
          yield* Effect.orDie(fs.writeFileString(path.join(folder, "part.txt"), "half of it"))
          return yield* new Broken({ node: 7 })
        })
      })
      const error = yield* Effect.flip(broken.run({ number: 1 }))
      assert.deepStrictEqual(error, new Broken({ node: 7 }))
      const left = yield* fs.readDirectory(store.folder, { recursive: true })
      // What a process holds on to, to make artifacts in, holds nothing.
      assert.deepStrictEqual(
        left.filter((name) => !/^(?:\.use|\.partial-[^/]+)(?:\/(?:lock|holder\.json))?$/.test(name)),
        ["half"]
      )
    }).pipe(Effect.provide(environment))
  )

  it.effect("whose body is no Effect, or writes what its artifact cannot have, is named", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const told = (run: () => unknown) =>
        Stage.make("half", { ...parts, run: run as typeof parts.run })
          .run({ number: 1 })
          .pipe(
            Effect.sandbox,
            Effect.flip,
            Effect.map((cause) => (Cause.squash(cause) as Error).message)
          )
      assert.strictEqual(yield* told(() => undefined), "the stage half: its body gives nothing: give an Effect")
      const broken = async () => assert.fail("it is of no interest")
      assert.strictEqual(yield* told(broken), "the stage half: its body gives a promise: give an Effect")
      assert.strictEqual(yield* told(() => 1), "the stage half: its body gives no Effect: give one")
      const writing = (write: (folder: string) => Effect.Effect<void, unknown>) => () =>
        StageFolder.use(({ folder }) => write(folder)).pipe(Effect.orDie, Effect.as(1))
      for (const [name, problem] of [
        ["output.json", "its body writes output.json, which its artifact has of its own"],
        ["artifact.json", "it writes artifact.json, which describes the artifact"]
      ] as const) {
        const line = yield* told(writing((folder) => fs.writeFileString(`${folder}/${name}`, "{}")))
        assert.include(line, `the stage half: ${problem}`)
      }
      const link = yield* told(writing((folder) => fs.symlink("/dev/null", `${folder}/link`)))
      assert.include(link, "the stage half: it writes the link link: write the file itself")
      assert.strictEqual((yield* Stage.make("half", parts).stored({ number: 1 })).artifact.reused, false)
    }).pipe(Effect.provide(environment))
  )

  it.effect("that would wait for itself, through others or beside them, ends and names them", () =>
    Effect.gen(function* () {
      const both = yield* Deferred.make<void>()
      let waiting = 0
      type Asking = Stage.Stage<{ readonly number: number }, number, unknown, Services>
      const asking = (name: string, other: () => Asking): Asking =>
        Stage.make(name, {
          ...parts,
          run: Effect.fnUntraced(function* (input: { readonly number: number }) {
            waiting += 1
            if (waiting === 2) yield* Deferred.succeed(both, undefined)
            // Both of them run before one asks for the other.
            if (input.number === 2) yield* Deferred.await(both)
            return yield* other().run(input)
          })
        })
      const a: Asking = asking("a", () => b)
      const b: Asking = asking("b", () => a)
      const alone: Asking = asking("alone", () => alone)
      const told = (effect: Effect.Effect<unknown, unknown, Services>) => Effect.map(Effect.flip(effect), String)
      assert.include(yield* told(alone.run({ number: 1 })), "the stage alone: it asks for itself, with an equal input")
      assert.include(yield* told(a.run({ number: 1 })), "the stage b: it asks for a, which asks for b")
      waiting = 0
      const parallel = Effect.all([a.run({ number: 2 }), b.run({ number: 2 })], { concurrency: "unbounded" })
      assert.match(yield* told(parallel), /the stage [ab]: it asks for [ab], which asks for [ab], with an equal input/)
    }).pipe(Effect.provide(environment))
  )

  it.effect("tells inputs apart by keys of any name, and not by where a reference lies", () =>
    Effect.gen(function* () {
      const parts = { version: 1, output: Schema.Int, run: () => Effect.succeed(1) }
      const record = Stage.make("record", { ...parts, input: Schema.Record(Schema.String, Schema.Json) })
      const inputs = [{ $at: 1 }, { $at: 2 }, { $at: { a: 1 } }, { $at: { a: 2 } }, {}]
      assert.strictEqual(new Set(inputs.map((input) => record.digest(input))).size, inputs.length)
      const taking = Stage.make("taking", { ...parts, input: Schema.Struct({ of: Schema.Array(Stage.Reference) }) })
      const { ref } = yield* half.stored({ number: 5 })
      const elsewhere = { ...ref, $at: { stage: "half", digest: "0".repeat(64) } }
      assert.strictEqual(taking.digest({ of: [ref] }), taking.digest({ of: [elsewhere] }))
      assert.notStrictEqual(taking.digest({ of: [ref] }), taking.digest({ of: [{ ...ref, content: "0".repeat(64) }] }))
    }).pipe(Effect.provide(environment))
  )

  it("has the errors and the requirements of its body in the type of its run", () => {
    class Greeting extends Context.Service<Greeting, { readonly text: string }>()("test/Greeting") {}
    const types = {
      version: 1,
      input: Schema.Int,
      output: Schema.String,
      run: Effect.fnUntraced(function* (n: number) {
        const { text } = yield* Greeting
        const { folder } = yield* StageFolder
        return n < 0 ? yield* new Broken({ node: n }) : `${text} ${folder}`
      })
    }
    const stage = Stage.make("types", types)
    const run = stage.stored(1)
    const whole: Effect.Effect<Stage.Stored<string>, Broken | IoError, Greeting | Services> = run
    // @ts-expect-error it can fail as its body can
    const sure: Effect.Effect<unknown, IoError, Greeting | Services> = run
    // @ts-expect-error it needs what its body needs
    const alone: Effect.Effect<unknown, Broken | IoError, Services> = run
    // @ts-expect-error its output is a text
    const number: Effect.Effect<Stage.Stored<number>, Broken | IoError, Greeting | Services> = run
    const value: Effect.Effect<string, Broken | IoError, Greeting | Services> = stage.run(1)
    // @ts-expect-error its input is a number
    void stage.run("1")
    // @ts-expect-error its body gives what is not its output
    void Stage.make("types", { ...types, run: () => Effect.succeed(1) })
    // @ts-expect-error its body takes what is not its input
    void Stage.make("types", { ...types, run: (text: string) => Effect.succeed(text) })
    // What every body has is nothing that its caller has to give.
    const provided = Stage.make("types", { ...types, run: () => StageFolder.use(() => Effect.succeed("")) }).run(1)
    const given: Effect.Effect<string, IoError, Exclude<Services, StageFolder | Checkpoints>> = provided
    void [whole, sure, alone, number, value, given]
  })

  it("is taken by reference as what it is, and for what it holds", () => {
    const artifact = { stage: "s", digest: "d", files: { a: "1" } } as unknown as Artifact
    const { content, ...rest } = Stage.reference(artifact)
    assert.deepStrictEqual(rest, { $at: { stage: "s", digest: "d" } })
    const other = { ...artifact, files: { a: "2" } } as unknown as Artifact
    assert.notStrictEqual(Stage.reference(other).content, content)
  })
})
