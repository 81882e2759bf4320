/** `igm show`: describes a run: its program and environment, its results, its cost, and its history. */
import { Gc, Results, RunFolder, RunHistory, Runs, placeOf } from "@igm/experiment"
import { type Metric, Selection } from "@igm/gradient"
import { AtomicFile, IoError } from "@igm/io"
import { Terminal, metricTitle } from "@igm/report"
import { Digest, Safetensors } from "@igm/tensor"
import { Console, Effect, FileSystem, Path, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"
import * as Words from "./Words.ts"
import * as WorkRows from "./WorkRows.ts"

type Line = typeof Results.Training.Type

/** The epochs of a training, the selected epoch, and the metric that selected it. */
interface Training {
  readonly method: string
  readonly seed: number
  readonly epochs: number
  readonly best: { readonly epoch: number; readonly by: Metric.Score; readonly score: number } | null
  /** The losses by head. */
  readonly losses: { readonly [head: string]: number }
}

const trainingsOf = (lines: ReadonlyArray<Line>, keptOf: KeptOf): ReadonlyArray<Training> =>
  [...Map.groupBy(lines, ({ method, seed }) => `${seed} ${method}`).values()].map((events) => {
    const { method, seed } = events[0]!
    const epochs = events.flatMap((event) => (event.kind === "epoch" ? [event] : []))
    const { by, weights } = keptOf(method, seed)
    // The best of those whose weights are the ones that were kept: a method may have epochs that select nothing.
    const best = epochs.reduce<Training["best"]>((most, { epoch, selected, weights: own }) => {
      const score = selected[by]
      return own === weights && (most === null || score > most.score) ? { epoch, by, score } : most
    }, null)
    const losses = Object.fromEntries(epochs.map(({ head, loss }) => [head, loss]))
    return { method, seed, epochs: epochs.length, best, losses }
  })

/** The metric that selected the epoch of a training, and the digest of the weights that were kept. */
type KeptOf = (method: string, seed: number) => { readonly by: Metric.Score; readonly weights: string | undefined }

/** The weights that each training kept, read from the results and the files of heads. */
const kept = Effect.fnUntraced(function* (folder: string, results: Results.Results | null) {
  const path = yield* Path.Path
  const methods = results?.methods ?? []
  const found = new Map<string, ReturnType<KeptOf>>()
  for (const { name, settings, trainings } of methods) {
    const by = Selection.of(settings)?.by ?? "accuracy"
    for (const { seed, heads } of trainings) {
      // What is missing or damaged is not what was kept.
      const weights = yield* AtomicFile.read(path.join(folder, heads)).pipe(
        Effect.flatMap((bytes) => Effect.try(() => Digest.ofTensors(Safetensors.decode(bytes).tensors))),
        Effect.orElseSucceed(() => undefined)
      )
      found.set(`${seed} ${name}`, { by, weights })
    }
  }
  const of: KeptOf = (method, seed) => found.get(`${seed} ${method}`) ?? { by: "accuracy", weights: undefined }
  return of
})

const decodeLine = Schema.decodeEffect(Schema.fromJsonString(Results.Training))

/** The records of a comparison's trainings; empty for other runs. */
const linesOf = Effect.fnUntraced(function* (folder: string, results: Results.Results | null) {
  const path = yield* Path.Path
  if (results === null) return []
  const file = path.join(folder, Results.files.trainings)
  const text = new TextDecoder().decode(yield* AtomicFile.read(file))
  const lines = text.split("\n").filter((line) => line !== "")
  return yield* Effect.forEach(lines, (line) => decodeLine(line)).pipe(
    Effect.mapError((cause) => new IoError({ path: file, problem: "this file is damaged", cause }))
  )
})

/** Collects all facts about a run. */
const gather = Effect.fn("ShowCommand.gather")(function* (run: Runs.Found) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = yield* Effect.orElseSucceed(fs.realPath(run.folder), () => run.folder)
  const { id, folder, state, manifest, journal } = run
  const history = RunHistory.of(journal, { inUse: state.kind === "in use" })
  const store = path.join(path.dirname(folder), Runs.STORE)
  const works = yield* Effect.forEach(history.works, (work) =>
    Effect.map(Gc.bytesOf(path.join(store, work.stage, work.digest)), (bytes) => ({ ...work, bytes }))
  )
  const isWhole = manifest?.status === "finished" && state.kind === "finished"
  const results = isWhole ? yield* Results.read(folder, manifest) : null
  const lines = yield* linesOf(folder, results)
  const notes = lines.flatMap((line) =>
    line.kind === "note" ? [`${line.method}, seed ${line.seed}, turn ${line.turn}: ${line.note}`] : []
  )
  return {
    id,
    folder,
    real,
    state,
    manifest,
    report: isWhole ? yield* RunFolder.readReport(folder) : null,
    results,
    trainings: trainingsOf(lines, yield* kept(folder, results)),
    ...history,
    works,
    notes: [...history.notes, ...new Set(notes)]
  }
})

type Shown = Effect.Success<ReturnType<typeof gather>>

const factsOf = (path: Path.Path, { id, real, state, manifest }: Shown): ReadonlyArray<string> => {
  const title = `${id}   ${Runs.stateText(state)}`
  if (manifest === null) return [title]
  const { program, arguments: args, code, versions, processor, trace, heads, encoders } = manifest
  const refusals = (all: ReadonlyArray<{ readonly choice: string; readonly reason: string }>) =>
    all.map(({ choice, reason }) => `; not ${choice}: ${reason}`).join("")
  const facts = {
    program: `${path.relative(".", placeOf(path, real, program.path))} (${Digest.short(program.digest)})`,
    arguments: Object.entries({ ...args, trace })
      .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(",") : String(value)}`)
      .join(", "),
    encoders: encoders === null ? "" : `${encoders.provider} (${encoders.device})${refusals(encoders.refused)}`,
    heads: heads === null ? "" : `${heads.engine}:${heads.device} (${heads.name})${refusals(heads.refused)}`,
    processor,
    code: `igm ${code.version} (${Digest.short(code.sources)})`,
    versions: Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")
  }
  return [
    title,
    ...(manifest.status === "finished" ? [manifest.title] : []),
    "",
    ...Object.entries(facts).map(([name, value]) => `${name.padEnd(9)}   ${value}`.trimEnd())
  ]
}

const section = (title: string, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> =>
  rows.length <= 1 ? [] : ["", title, "", ...Terminal.aligned(rows)]

const number = (x: number) => x.toPrecision(4)

/** Formats a fact about unfinished work: numbers and digests are shortened. */
const factText = (value: Schema.Json): string =>
  typeof value === "number" ? number(value) : typeof value === "string" ? value.slice(0, 12) : JSON.stringify(value)

/** Describes the progress of an unfinished run; empty if the run is finished. */
const reached = ({ manifest, works, progress }: Shown): ReadonlyArray<string> => {
  if (manifest?.status === "finished") return []
  const done = new Set(works.filter(({ how }) => how !== "begun").map(({ name }) => name))
  const begun = works.filter(({ how }) => how === "begun")
  const rows = progress.map(({ name, done: steps, facts }) => [
    name,
    String(steps),
    Object.entries(facts)
      .map(([of, value]) => `${of} ${factText(value)}`)
      .join(", "),
    done.has(name) ? "yes" : "no"
  ])
  return [
    "",
    begun.length === 0
      ? `It came past ${works.length} artifacts, and was making none when it ended.`
      : `It has come to: ${begun.map(({ name }) => name).join(", ")}. The same command goes on from there.`,
    ...section("Work so far", [["work", "steps", "", "finished"], ...rows])
  ]
}

const endText = ({ end, problem }: RunHistory.Start): string => (problem === undefined ? end : `${end}: ${problem}`)

/** Formats a run for a terminal. */
const text = (path: Path.Path, shown: Shown, options: { readonly all: boolean }): string => {
  const { report, trainings, works, starts, notes } = shown
  const results = report === null ? "" : Terminal.text(report)
  const artifacts = WorkRows.rows(works, options)
  return [
    ...factsOf(path, shown),
    ...(results === "" ? [] : ["", results]),
    ...reached(shown),
    ...section("Trainings", [
      ["method", "seed", "epochs", "best epoch", "by", "on selection", "last losses"],
      ...trainings.map(({ method, seed, epochs, best, losses }) => [
        method,
        String(seed),
        String(epochs),
        best === null ? "" : String(best.epoch),
        best === null ? "" : metricTitle(best.by),
        best === null ? "" : best.score.toFixed(3),
        Object.entries(losses)
          .map(([head, loss]) => `${head} ${number(loss)}`)
          .join(", ")
      ])
    ]),
    ...section("Artifacts", artifacts.rows),
    ...(artifacts.isFolded ? ["", "igm show --all lists each artifact."] : []),
    ...section("Starts", [
      ["started (UTC)", "process", "for", "end"],
      ...starts.map((start) => [
        Words.time(start.at),
        `${start.process} on ${start.host}`,
        Words.duration(start.last - start.at),
        endText(start)
      ])
    ]),
    ...(notes.length === 0 ? [] : ["", "Notes", "", ...notes.map((note) => `  ${note}`)])
  ].join("\n")
}

/** The command. */
export const command = Command.make(
  "show",
  {
    run: RunFlags.run("run"),
    out: RunFlags.out,
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("List each artifact, where a stage has many of them too (default: false)"),
      Flag.withDefault(false)
    ),
    json: RunFlags.json
  },
  Effect.fn("igm.show")(function* ({ run, out, all, json }) {
    const path = yield* Path.Path
    const shown = yield* gather(yield* Runs.look(yield* Runs.find(run, out)))
    // The report is data already, and lies beside the manifest.
    const { real: _, report: __, results: ___, ...told } = shown
    yield* Console.log(json ? JSON.stringify(told, null, 2) : text(path, shown, { all }))
    const { folder, state } = shown
    if (state.kind === "unreadable" || state.kind === "damaged") {
      return yield* new IoError({ path: folder, problem: state.problem })
    }
  })
).pipe(Command.withDescription("Show what a run ran, what came out, and how it came about"))
