/** `igm run`: runs an experiment program, prints the table, and writes the run's folder with its report. */
import { type Experiment, Run, RunFolder } from "@igm/experiment"
import { Html, Table } from "@igm/report"
import { Digest } from "@igm/tensor"
import type { Devices } from "@igm/training"
import { Console, Effect, Path } from "effect"
import { pathToFileURL } from "node:url"
import { ProgramError } from "./ProgramError.ts"
import * as Reporting from "./Reporting.ts"

/** What to run. */
export interface Options {
  readonly program: string
  readonly args: Experiment.Arguments
  readonly out: string
  /** The devices that were not to be had. */
  readonly refused: ReadonlyArray<Devices.Refused>
}

const load = Effect.fn("RunCommand.load")(function* (program: string, args: Experiment.Arguments) {
  const path = yield* Path.Path
  const unusable = (what: string) => (cause: unknown) =>
    new ProgramError({ path: program, problem: `${what}: ${(cause as Error).message}`, cause })
  const module = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(path.resolve(program)).href) as Promise<{ default?: unknown }>,
    catch: unusable("this module cannot be loaded")
  })
  if (typeof module.default !== "function") {
    const problem = "its default export is not an experiment: export default Experiment.program(…)"
    return yield* new ProgramError({ path: program, problem })
  }
  return yield* Effect.try({
    try: () => (module.default as Experiment.Program)(args),
    catch: unusable("this experiment cannot be made")
  })
})

/** Runs it. */
export const run = Effect.fn("RunCommand.run")(function* ({ program, args, out, refused }: Options) {
  const path = yield* Path.Path
  const experiment = yield* load(program, args)
  const result = yield* Run.run(experiment)
  const manifest = yield* RunFolder.manifestOf(result, refused)
  const report = yield* Reporting.reportOf(result, manifest)
  const folder = yield* RunFolder.write(out, result, manifest, {
    [RunFolder.files.report]: yield* Effect.promise(() => Html.page(report))
  })
  yield* Console.log(
    [
      Table.text(report),
      "",
      Reporting.reuse(result),
      `features ${Digest.short(result.featuresDigest)}   weights ${Digest.short(result.weightsDigest)}`,
      `report   ${path.join(folder, RunFolder.files.report)}`
    ].join("\n")
  )
})
