/** `igm runs`: lists the runs in a folder with their states and results, the last started first. */
import { RunFolder, Runs } from "@igm/experiment"
import { Leaderboard, Section, Statistics, Terminal, metricTitle } from "@igm/report"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"
import * as Words from "./Words.ts"

/** A method's score over the seeds, by the selection metric of the first method in its table. */
interface Score {
  readonly method: string
  readonly by: string
  readonly mean: number
  readonly deviation: number | null
  readonly text: string
}

/** The scores of a finished run's methods, taken from the first leaderboard in its report. */
const scoresOf = Effect.fnUntraced(function* ({ manifest, folder }: Runs.Found) {
  if (manifest?.status !== "finished") return []
  const report = yield* Effect.orElseSucceed(RunFolder.readReport(folder), () => ({ sections: [] }))
  const [table] = Section.dataOf(Leaderboard.kind, report)
  const by = table?.methods[0]?.selectedBy ?? "accuracy"
  return (table?.methods ?? []).map(({ name, trainings }): Score => {
    const numbers = trainings.map((training) => training[by])
    return { method: name, by, ...Statistics.summary(numbers), text: Statistics.meanAndDeviation(numbers) }
  })
})

const headsOf = (manifest: Runs.Found["manifest"]): string | null => {
  const heads = manifest?.heads ?? null
  return heads === null ? null : `${heads.engine}:${heads.device}`
}

/** A run as a line of the list; `best` is the method with the highest mean, the first among ties. */
const entryOf = Effect.fnUntraced(function* (run: Runs.Found) {
  const { id, folder, state, manifest, started } = run
  const found = yield* scoresOf(run)
  const best = found.reduce<Score | null>((most, one) => (most === null || one.mean > most.mean ? one : most), null)
  return {
    id,
    folder,
    started: started === null ? null : new Date(started).toISOString(),
    state,
    title: manifest?.status === "finished" ? manifest.title : null,
    encoders: manifest?.encoders?.provider ?? null,
    heads: headsOf(manifest),
    arguments: manifest === null ? null : manifest.arguments,
    first: found[0] ?? null,
    best
  }
})

type Entry = Effect.Success<ReturnType<typeof entryOf>>

const inWords = (score: Score | null) =>
  score === null ? "" : `${score.method} ${metricTitle(score.by)} ${score.text}`

const argumentsIn = ({ arguments: all }: Entry) =>
  Object.entries(all ?? {})
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(", ")

const WORDS = { unreadable: "cannot be read", damaged: "damaged", failed: "failed" } as const

const text = (entries: ReadonlyArray<Entry>, runs: ReadonlyArray<Runs.Found>, out: string): string => {
  if (runs.length === 0) return `there are no runs in ${out}`
  const rows = runs.map(({ id, state, started }, i) => {
    const entry = entries[i]!
    // What cannot be read is told in full below the table.
    const status = "problem" in state ? WORDS[state.kind] : Runs.stateText(state)
    const at = started === null ? "" : Words.time(started)
    return [id, at, status, entry.heads ?? "", argumentsIn(entry), inWords(entry.first), inWords(entry.best)]
  })
  const problems = runs.flatMap(({ id, state }) => ("problem" in state ? [`${id} ${Runs.stateText(state)}`] : []))
  const header = ["run", "last started (UTC)", "status", "heads", "arguments", "first method", "best method"]
  return [...Terminal.aligned([header, ...rows]), ...(problems.length === 0 ? [] : ["", ...problems])].join("\n")
}

/** The command. */
export const command = Command.make(
  "runs",
  { out: RunFlags.out, json: RunFlags.json },
  Effect.fn("igm.runs")(function* ({ out, json }) {
    const runs = yield* Runs.list(out)
    const entries = yield* Effect.forEach(runs, entryOf)
    yield* Console.log(json ? JSON.stringify(entries, null, 2) : text(entries, runs, out))
  })
).pipe(Command.withDescription("List the runs with their results, the last started first"))
