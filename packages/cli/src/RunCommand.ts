/** `igm run`: runs an experiment program, prints the table, and writes the run's folder with its report. */
import { type Experiment, Run, RunFolder } from "@igm/experiment"
import { Html, Table } from "@igm/report"
import { Digest } from "@igm/tensor"
import type { Devices } from "@igm/training"
import { Console, Effect, Path } from "effect"
import * as ProgramFile from "./ProgramFile.ts"
import * as Reporting from "./Reporting.ts"

/** What to run. */
export interface Options {
  readonly program: string
  readonly args: Experiment.Arguments
  /** Whether the program is typechecked first. */
  readonly check: boolean
  readonly out: string
  /** The devices that were not to be had. */
  readonly refused: ReadonlyArray<Devices.Refused>
}

/** Runs it. */
export const run = Effect.fn("RunCommand.run")(function* ({ program, args, check, out, refused }: Options) {
  const path = yield* Path.Path
  const { experiment, remember } = yield* ProgramFile.load(program, args, { check })
  const result = yield* Run.run(experiment)
  yield* remember
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
