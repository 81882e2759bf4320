/**
 * `igm run`: runs an experiment program in a folder of its own, prints the table, and writes the report. The same command
 * again goes on where the one before was stopped.
 */
import { Encoder } from "@igm/encoders"
import { type Experiment, Pipeline, Run, RunFolder, files, Manifest } from "@igm/experiment"
import { AtomicFile, Spans } from "@igm/io"
import { Figures, Html, Table } from "@igm/report"
import { Digest } from "@igm/tensor"
import type { Devices } from "@igm/training"
import { Cause, Console, Effect, Path } from "effect"
import * as Loading from "./Loading.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as Reporting from "./Reporting.ts"

/** What to run. */
export interface Options {
  readonly program: string
  readonly args: Experiment.Arguments
  /** The arguments that a person gave. */
  readonly said?: ReadonlyArray<keyof Experiment.Arguments>
  /** Whether the program is typechecked first. */
  readonly check: boolean
  /** How much is recorded of each training. */
  readonly trace: "epoch" | "step"
  /** The folder for runs. */
  readonly out: string
  /** The devices that were not to be had. */
  readonly refused: ReadonlyArray<Devices.Refused>
}

/** The arguments that were given. */
const given = (args: Experiment.Arguments): Manifest.Arguments =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as unknown as Manifest.Arguments

/** The manifest that a run of a program begins with. */
export const begin = Effect.fn("RunCommand.begin")(function* (
  loaded: ProgramFile.Loaded,
  options: Pick<Options, "program" | "args" | "trace" | "refused">
) {
  const { program, args, trace, refused } = options
  const text = yield* AtomicFile.read(program)
  return yield* Manifest.describe({
    experiment: loaded.experiment,
    program: { path: program, digest: Digest.ofBytes(text) },
    arguments: given(args),
    trace,
    code: loaded.code,
    refused
  })
})

/** Runs an experiment in its folder, which is this process's, and writes what it results in. */
const inFolder = Effect.fn("RunCommand.inFolder")(function* (
  folder: string,
  { experiment, remember }: ProgramFile.Loaded,
  begun: Effect.Success<ReturnType<typeof begin>>
) {
  const run = yield* Run
  const status = yield* RunFolder.statusOf(folder)
  if (status === "damaged") yield* run.tell({ kind: "note", note: "the manifest was damaged, and is written anew" })
  if (status !== "finished") yield* RunFolder.writeManifest(folder, begun)
  const result = yield* Pipeline.run(experiment)
  yield* remember
  const manifest = Manifest.conclude(begun, result)
  if (status === "finished") {
    if (yield* RunFolder.holds(folder, result, manifest)) {
      yield* run.tell({ kind: "finished", ...manifest.digests }, { flush: true })
      return { result, report: yield* Reporting.reportOf(result, manifest, { samples: 0 }) }
    }
    // What the run depends on and is no part of its name has changed: until it is written anew, it is not finished.
    yield* run.tell({ kind: "note", note: "the run's folder does not hold these results, and is written anew" })
    yield* RunFolder.writeManifest(folder, begun)
  }
  const report = yield* Reporting.reportOf(result, manifest)
  yield* RunFolder.write(folder, result, manifest, {
    ...Object.fromEntries(
      Object.entries(Figures.all(report)).map(([name, spec]) => [files.figure(name), `${JSON.stringify(spec)}\n`])
    ),
    [files.report]: yield* Effect.promise(() => Html.page(report))
  })
  yield* run.tell({ kind: "finished", ...manifest.digests }, { flush: true })
  return { result, report }
})

/** Runs it. */
export const run = Effect.fn("RunCommand.run")(function* (options: Options) {
  const path = yield* Path.Path
  const { program, args, said = [], check, out, trace } = options
  const loaded = yield* ProgramFile.load(program, args, { check, said })
  const begun = yield* begin(loaded, options)
  const folder = path.join(out, begun.id)
  // A run of a newer version is refused before anything is written into its folder, and so are encoders that are damaged.
  if ((yield* RunFolder.statusOf(folder)) === "new") {
    yield* Effect.forEach(Object.values(loaded.experiment.encoders), (encoder) => Encoder.check(encoder))
  }
  const own = Loading.guarded(ProgramFile.shown(path, path.resolve(program)), "runs", inFolder(folder, loaded, begun))
  const { result, report } = yield* own.pipe(
    Effect.onError((cause) =>
      Run.use((run) => run.tell({ kind: "failed", problem: problemOf(cause) })).pipe(Effect.ignore)
    ),
    Effect.provide(Spans.layer(path.join(folder, files.spans))),
    Effect.provide(Run.layer(folder, { trace }))
  )
  yield* Console.log(
    [
      Table.text(report),
      "",
      Reporting.reuse(result),
      `features ${Digest.short(result.featuresDigest)}   weights ${Digest.short(result.weightsDigest)}`,
      `report   ${path.join(folder, files.report)}`
    ].join("\n")
  )
})

const problemOf = (cause: Cause.Cause<unknown>): string =>
  Cause.hasInterruptsOnly(cause) ? "stopped" : String((Cause.squash(cause) as Error).message ?? cause)
