/**
 * What a user's own program relies on, whatever it is: kills and failures change nothing of what it comes to, only how long
 * that takes, and a replay finds it equal. Programs are drawn: stages in sequence, in parallel and in each other's bodies,
 * some of which fail or are interrupted by their program, with random numbers, checkpoints and files.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, AtomicFile, type IoError, Lock } from "@igm/io"
import { Report } from "@igm/report"
import { Digest, Keyed } from "@igm/tensor"
import { Clock, Deferred, Effect, Exit, FileSystem, Layer, type Path, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Args,
  Checkpoints,
  Experiment,
  Replay,
  Run,
  RunFolder,
  RunStore,
  Runner,
  Stage,
  StageFolder,
  files
} from "../src/index.ts"

const MOST = 15

/** A stage of a drawn program, and what its body does. */
interface Node {
  /** Names of stages and of their work occur more than once. */
  readonly kind: number
  readonly setting: number
  /** Stages before it that its body runs. */
  readonly within: ReadonlyArray<number>
  /** Checkpoints that its body keeps, with a random number each. */
  readonly rounds: number
  readonly file: boolean
  /** How the program has it end. */
  readonly ends: "well" | "broken" | "interrupted"
  /** How often the weather makes it fail. */
  readonly fails: number
}

/** How stages are put together. */
type Tree =
  | { readonly kind: "leaf"; readonly node: number }
  | { readonly kind: "group"; readonly of: ReadonlyArray<Tree>; readonly concurrency: number | "unbounded" }

interface Drawn {
  readonly nodes: ReadonlyArray<Node>
  readonly tree: Tree
}

const drawn = (seed: number): Drawn => {
  const stream = Keyed.stream(["program", seed])
  const below = (n: number) => Keyed.below(stream, n)
  const isOneIn = (n: number) => below(n) === 0
  const count = 2 + Math.min(below(MOST - 1), below(MOST - 1))
  const nodes = Array.from({ length: count }, (_, i): Node => {
    const ends = isOneIn(6) ? "broken" : isOneIn(7) ? "interrupted" : "well"
    const within = i > 0 && isOneIn(3) ? Array.from({ length: 1 + below(2) }, () => below(i)) : []
    return {
      kind: below(4),
      setting: below(2),
      within: [...new Set(within)],
      rounds: isOneIn(2) ? below(4) : 0,
      file: isOneIn(3),
      ends,
      fails: isOneIn(8) ? 1 + below(2) : 0
    }
  })
  const tree = (from: number, to: number): Tree => {
    if (to - from === 1) return { kind: "leaf", node: isOneIn(6) ? below(count) : from }
    const cuts = Array.from({ length: 1 + below(3) }, () => from + 1 + below(to - from - 1))
    const places = [...new Set([from, ...cuts, to])].toSorted((a, b) => a - b)
    const concurrency = ([1, 1, 2, "unbounded"] as const)[below(4)]!
    return { kind: "group", of: places.slice(1).map((end, i) => tree(places[i]!, end)), concurrency }
  }
  return { nodes, tree: tree(0, count) }
}

class Broken extends Schema.TaggedError<Broken>()("Broken", { node: Schema.Int }) {}

class Storm extends Schema.TaggedError<Storm>()("Storm", { node: Schema.Int }) {}

/** Where a start of the run is killed: in a stage's body or behind it, or after so many turns of the process. */
const Stop = Schema.Union([
  Schema.Struct({
    node: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MOST - 1 })),
    where: Schema.Literals(["start", "checkpoint", "middle", "stored"])
  }),
  Schema.Struct({ turns: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 })) })
])

type Stop = typeof Stop.Type

/** What befalls a start of a run. */
interface Weather {
  /** How often each stage has failed, in all starts. */
  readonly failed: Map<number, number>
  readonly stop: Stop | undefined
  /** Done where the run is to be killed. */
  readonly reached: Deferred.Deferred<void>
  /** Stages whose bodies ran. */
  readonly ran: Array<number>
}

const weather = (failed = new Map<number, number>(), stop?: Stop) =>
  Effect.map(Deferred.make<void>(), (reached): Weather => ({ failed, stop, reached, ran: [] }))

const mixed = (...values: ReadonlyArray<Digest.Json>) => Number.parseInt(Digest.ofJson(values).slice(0, 8), 16)

/** A drawn program as an experiment. */
const experimentOf = ({ nodes, tree }: Drawn, { failed, stop, reached, ran }: Weather) => {
  const at = (node: number, where: string) =>
    stop !== undefined && "node" in stop && stop.node === node && stop.where === where
      ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
      : Effect.void

  type Services = ArtifactStore | Run | FileSystem.FileSystem | Path.Path

  /** Runs a stage; what its program lets happen to it is a value. */
  const leaf = (n: number, given: number): Effect.Effect<number, Storm | IoError, Services> =>
    Effect.gen(function* () {
      const { kind, setting, within, rounds, file, ends, fails } = nodes[n]!
      const begun = yield* Deferred.make<void>()
      const stage = Stage.make(`kind ${kind}`, {
        version: 1,
        input: Schema.Struct({ node: Schema.Int, given: Schema.Int, setting: Schema.Int }),
        output: Schema.Struct({ number: Schema.Int, drawn: Schema.Array(Schema.Finite) }),
        run: Effect.fnUntraced(function* (input) {
          const { folder } = yield* StageFolder
          yield* at(n, "start")
          const first = yield* Random.next
          const checkpoints = yield* Checkpoints.json(Schema.Array(Schema.Finite))
          const numbers = [...((yield* checkpoints.last) ?? [])]
          while (numbers.length < rounds) {
            numbers.push(yield* Random.next)
            yield* checkpoints.save(numbers)
            yield* at(n, "checkpoint")
          }
          const inner = yield* Effect.forEach(within, (j) => leaf(j, input.setting), { concurrency: 2 })
          const last = yield* Random.nextIntBetween(0, 1000)
          if (file) yield* AtomicFile.write(`${folder}/file.txt`, `${first} ${numbers.join()} ${last}`)
          yield* at(n, "middle")
          const before = failed.get(n) ?? 0
          if (before < fails) {
            failed.set(n, before + 1)
            return yield* new Storm({ node: n })
          }
          if (ends === "broken") return yield* new Broken({ node: n })
          if (ends === "interrupted") yield* Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)
          ran.push(n)
          const number = mixed(input.given, input.setting, inner, last, yield* Clock.currentTimeMillis)
          return { number, drawn: [first, ...numbers] }
        })
      })
      const asked = stage.run({ node: n, given, setting }, { name: `work ${n % 3}` }).pipe(
        Effect.map(({ number, drawn }) => mixed(number, drawn)),
        Effect.catchTag("Broken", () => Effect.succeed(-1))
      )
      const number = yield* Effect.raceFirst(asked, Effect.as(Deferred.await(begun), -2))
      yield* at(n, "stored")
      return number
    })

  const all = (of: Tree, given: number): Effect.Effect<ReadonlyArray<number>, Storm | IoError, Services> => {
    if (of.kind === "leaf") return Effect.map(leaf(of.node, given), (number) => [number])
    const { concurrency } = of
    if (concurrency !== 1) {
      return Effect.map(
        Effect.forEach(of.of, (one) => all(one, given), { concurrency }),
        (found) => found.flat()
      )
    }
    return Effect.gen(function* () {
      const found: Array<number> = []
      // What comes later depends on what came before.
      for (const one of of.of) found.push(...(yield* all(one, mixed(given, found))))
      return found
    })
  }

  return Experiment.make("drawn", {
    args: Schema.Struct({ given: Args.seed }),
    run: Effect.fnUntraced(function* ({ given }) {
      const numbers = yield* all(tree, given)
      yield* Run.use((run) => run.attach({ "numbers.txt": `${numbers.join("\n")}\n` }))
      return Report.make("Drawn", [Report.json("numbers", numbers)])
    })
  })
}

const GIVEN = { given: 7 }

/** A folder with the program's file and the runs. */
const home = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* fs.writeFileString(`${folder}/main.ts`, "// drawn")
  return folder
})

const sourcesIn = (folder: string) => ({
  program: { path: `${folder}/main.ts`, digest: Digest.ofJson("main") },
  modules: [],
  code: { version: "1", sources: Digest.ofJson("sources") }
})

const turns = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
    { discard: true }
  )

/** A start of the run in a folder: its layers are opened, and closed at its end. */
const start = (folder: string, program: Drawn, weather: Weather) =>
  Effect.gen(function* () {
    const { stop, reached } = weather
    const prepared = yield* Runner.prepare(experimentOf(program, weather), GIVEN)
    const run = Runner.run(prepared, { out: `${folder}/runs`, sources: sourcesIn(folder) })
    const kill = stop !== undefined && "turns" in stop ? turns(stop.turns) : Deferred.await(reached)
    return yield* Effect.raceFirst(run, Effect.andThen(kill, Effect.interrupt))
  }).pipe(Effect.provide(RunStore.layer(`${folder}/runs`)), Effect.exit)

/** All that a run left but for what tells of its starts: the files of its folder by name. */
const leftIn = Effect.fnUntraced(function* (run: string) {
  const fs = yield* FileSystem.FileSystem
  const starts = new Set([files.journal, files.spans, Lock.FILE])
  const names = (yield* fs.readDirectory(run, { recursive: true })).filter((name) => !starts.has(name))
  const contents = yield* Effect.forEach(names.toSorted(), (name) =>
    Effect.option(fs.readFileString(`${run}/${name}`)).pipe(Effect.map((text) => [name, text] as const))
  )
  return Object.fromEntries(contents.flatMap(([name, text]) => (text._tag === "Some" ? [[name, text.value]] : [])))
})

const artifactsIn = Effect.fnUntraced(function* (runs: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(`${runs}/.store`, { recursive: true })
  return names.filter((name) => name.endsWith("artifact.json") && !name.startsWith(".")).toSorted()
})

/** Replays the run of a folder, as it says it went. */
const replay = Effect.fnUntraced(function* (run: string, program: Drawn) {
  const store = yield* ArtifactStore
  const manifest = yield* RunFolder.read(run)
  const prepared = yield* Runner.prepare(experimentOf(program, yield* weather()), manifest.arguments)
  return yield* Effect.gen(function* () {
    const executed = yield* Runner.execute("random", prepared.program)
    const compared = yield* Replay.compare(manifest.artifacts, store, executed.artifacts, { tolerance: 0 })
    return { manifest, executed, compared, results: yield* Replay.results(run, manifest, executed) }
  }).pipe(
    Effect.provide(
      Layer.merge(
        Replay.layerStore([]),
        Layer.sync(Run, () => Run.unrecorded("epoch"))
      )
    )
  )
})

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

describe("Programs of any stages", () => {
  it.effect.prop(
    "come, through any kills and failures, to what one clean run comes to, and replay equal",
    { seed: Seed, stops: Schema.Array(Stop).check(Schema.isMaxLength(4)) },
    ({ seed, stops }) =>
      Effect.gen(function* () {
        const program = drawn(seed)
        const sound = { ...program, nodes: program.nodes.map((node) => ({ ...node, fails: 0 })) }
        const [one, other] = [yield* home, yield* home]
        const clean = yield* yield* start(one, sound, yield* weather())

        const failed = new Map<number, number>()
        for (const stop of stops) yield* start(other, program, yield* weather(failed, stop))
        const starts = program.nodes.reduce((n, { fails }) => n + fails, 1)
        let exit = yield* start(other, program, yield* weather(failed))
        for (let n = 1; n < starts && Exit.isFailure(exit); n++) {
          exit = yield* start(other, program, yield* weather(failed))
        }
        const resumed = yield* exit
        const expected = yield* leftIn(clean.folder)
        assert.deepStrictEqual(yield* leftIn(resumed.folder), expected)
        assert.includeMembers(Object.keys(expected), [files.manifest, files.reportData, files.report, "numbers.txt"])
        assert.deepStrictEqual(yield* artifactsIn(`${other}/runs`), yield* artifactsIn(`${one}/runs`))

        // What is finished is not worked on again.
        const quiet = yield* weather(failed)
        yield* yield* start(other, program, quiet)
        assert.deepStrictEqual(quiet.ran, [])
        assert.deepStrictEqual(yield* leftIn(resumed.folder), expected)

        const store = ArtifactStore.layer(`${other}/runs/.store`)
        const { manifest, executed, compared, results } = yield* replay(resumed.folder, sound).pipe(
          Effect.provide(store)
        )
        assert.deepStrictEqual(compared.differences, [])
        assert.strictEqual(results, null)
        assert.deepStrictEqual(
          executed.artifacts.map(({ stage, name, digest }) => [stage, name, digest]),
          manifest.artifacts.map(({ stage, name, digest }) => [stage, name, digest])
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), TestClock.withLive),
    { arbitrary: { runs: 24 }, timeout: 240_000 }
  )
})
