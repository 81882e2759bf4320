/** `igm runs`: the runs in a folder with how they stand and what came out, the last started first. */
import { Runs } from "@igm/experiment"
import { Statistics, Table } from "@igm/report"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"
import * as Words from "./Words.ts"

/** A method's accuracy over the seeds. */
interface Accuracy {
  readonly method: string
  readonly mean: number
  readonly deviation: number | null
  readonly text: string
}

const accuracies = ({ manifest }: Runs.Found): ReadonlyArray<Accuracy> =>
  manifest?.status === "finished"
    ? manifest.methods.map(({ name, trainings }) => {
        const numbers = trainings.map(({ accuracy }) => accuracy)
        return { method: name, ...Statistics.summary(numbers), text: Table.meanAndDeviation(numbers) }
      })
    : []

/** A run as a line of the list; `best` is the method with the highest mean, the first of equals. */
const entryOf = (run: Runs.Found) => {
  const { id, folder, state, manifest, started } = run
  const found = accuracies(run)
  const best = found.reduce<Accuracy | null>((most, one) => (most === null || one.mean > most.mean ? one : most), null)
  return {
    id,
    folder,
    started: started === null ? null : new Date(started).toISOString(),
    state,
    engine: manifest?.engine ?? null,
    seeds: manifest?.seeds ?? null,
    first: found[0] ?? null,
    best
  }
}

const inWords = (accuracy: Accuracy | null) => (accuracy === null ? "" : `${accuracy.method} ${accuracy.text}`)

const WORDS = { unreadable: "cannot be read", damaged: "damaged", failed: "failed" } as const

const text = (runs: ReadonlyArray<Runs.Found>, out: string): string => {
  if (runs.length === 0) return `there are no runs in ${out}`
  const rows = runs.map((run) => {
    const { engine, seeds, first, best } = entryOf(run)
    // What cannot be read is told in full below the table.
    const state = "problem" in run.state ? WORDS[run.state.kind] : Runs.stateText(run.state)
    const started = run.started === null ? "" : Words.time(run.started)
    return [run.id, started, state, engine ?? "", seeds?.join(", ") ?? "", inWords(first), inWords(best)]
  })
  const problems = runs.flatMap(({ id, state }) => ("problem" in state ? [`${id} ${Runs.stateText(state)}`] : []))
  const header = ["run", "last started (UTC)", "status", "engine", "seeds", "accuracy of the first", "of the best"]
  return [...Table.aligned([header, ...rows]), ...(problems.length === 0 ? [] : ["", ...problems])].join("\n")
}

/** The command. */
export const command = Command.make(
  "runs",
  { out: RunFlags.out, json: RunFlags.json },
  Effect.fn("igm.runs")(function* ({ out, json }) {
    const runs = yield* Runs.list(out)
    yield* Console.log(json ? JSON.stringify(runs.map(entryOf), null, 2) : text(runs, out))
  })
).pipe(Command.withDescription("List the runs with their results, the last started first"))
