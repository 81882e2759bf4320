/**
 * `igm run`: runs an experiment program in its own folder, prints the parts of its report that suit a terminal, and
 * writes the report. The same command resumes an interrupted run.
 */
import { type Args, Runner, files } from "@igm/experiment"
import { Terminal } from "@igm/report"
import type { Devices } from "@igm/training"
import { Console, Effect, Path } from "effect"
import * as Loading from "./Loading.ts"
import * as ProgramFile from "./ProgramFile.ts"

/** Options of a run. */
export interface Options {
  readonly loaded: ProgramFile.Loaded
  /** The arguments given on the command line. */
  readonly given: Args.Given
  /** The level of detail in the record of each training. */
  readonly trace: "epoch" | "step"
  /** The folder that contains the runs. */
  readonly out: string
  /** Devices for heads that were tried but could not be used. */
  readonly refused: ReadonlyArray<Devices.Refused>
}

/** Summarizes in one line the artifacts that were reused from the store. */
const reuse = ({ artifacts }: Pick<Runner.Done, "artifacts">): string => {
  const stages = [...new Set(artifacts.map(({ stage }) => stage))]
  const counts = stages.map((stage) => {
    const of = artifacts.filter((artifact) => artifact.stage === stage)
    return `${stage} ${of.filter(({ reused }) => reused).length} of ${of.length}`
  })
  return artifacts.some(({ reused }) => reused)
    ? `reused   ${counts.join(", ")}`
    : "reused   nothing: all of it was made by this run"
}

/** A line for each run with other code whose artifacts were reused: their stages, with how many there are of each. */
const outdated = (all: Runner.Done["outdated"]): ReadonlyArray<string> =>
  [...Map.groupBy(all, ({ run }) => run)].map(([run, own]) => {
    const stages = [...Map.groupBy(own, ({ stage }) => stage)]
    const names = stages.map(([stage, { length }]) => (length === 1 ? stage : `${stage} (${length})`))
    return `reused   although the code has changed since ${run} made it: ${names.join(", ")}`
  })

/** Runs the program and prints its results. */
export const run = Effect.fn("RunCommand.run")(function* ({ loaded, given, out, trace, refused }: Options) {
  const path = yield* Path.Path
  const { prepared, sources } = yield* ProgramFile.prepare(loaded, given)
  const name = ProgramFile.shown(path, loaded.file)
  const program = ProgramFile.served(name, prepared.program)
  const done = yield* Loading.guarded(
    name,
    "runs",
    Runner.run({ ...prepared, program }, { sources, out, trace, refused })
  )
  yield* loaded.remember
  yield* Console.log(
    [
      Terminal.text(done.report),
      "",
      reuse(done),
      ...outdated(done.outdated),
      `report   ${path.join(done.folder, files.report)}`
    ].join("\n")
  )
})
