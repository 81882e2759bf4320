/**
 * `igm run`: runs an experiment program in a folder of its own, prints the table, and writes the report. The same command
 * again goes on where the one before was stopped.
 */
import { Encoder } from "@igm/encoders"
import {
  type Experiment,
  Manifest,
  Pipeline,
  Run,
  RunFolder,
  Runs,
  files,
  outside,
  placeIn,
  placeOf
} from "@igm/experiment"
import { IoError, Spans } from "@igm/io"
import { Figures, Html, Table } from "@igm/report"
import { Digest } from "@igm/tensor"
import type { Devices } from "@igm/training"
import { Cause, Console, Effect, FileSystem, Path } from "effect"
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

/** The arguments that were given; folders are named as files are. */
const given = (args: Experiment.Arguments, place: (file: string) => string): Manifest.Arguments => {
  const { seed, limit, views, speech, data } = args
  return {
    seed,
    ...(limit === undefined ? {} : { limit }),
    ...(views === undefined ? {} : { views }),
    ...(speech === undefined ? {} : { speech: place(speech) }),
    ...(data === undefined ? {} : { data: place(data) })
  }
}

/** The manifest that a run of a program begins with in a folder beside others, and how it names files. */
export const begin = Effect.fn("RunCommand.begin")(function* (
  loaded: ProgramFile.Loaded,
  { args, trace, refused, folder }: Pick<Options, "args" | "trace" | "refused"> & { readonly folder: string }
) {
  const place = yield* placeIn(folder, loaded.program.path)
  const input = ({ path, digest }: ProgramFile.Loaded["program"]) => ({ path: place(path), digest })
  const begun = yield* Manifest.describe({
    experiment: loaded.experiment,
    program: input(loaded.program),
    modules: loaded.modules.map(input),
    arguments: given(args, place),
    trace,
    code: loaded.code,
    refused,
    place
  })
  return { begun, place }
})

/** The results of a run as files, and its report. */
const reported = Effect.fnUntraced(function* (result: Pipeline.Result, manifest: Manifest.Finished) {
  const report = yield* Reporting.reportOf(result, manifest)
  const figures = Object.entries(Figures.all(report)).map(([name, spec]) => [
    files.figure(name),
    `${JSON.stringify(spec)}\n`
  ])
  const contents: RunFolder.Contents = {
    ...RunFolder.contentsOf(result),
    ...(Object.fromEntries(figures) as RunFolder.Contents),
    [files.report]: yield* Effect.promise(() => Html.page(report))
  }
  return { report, contents }
})

/** Makes anew what is damaged or gone of a finished run that has these results. */
const restore = Effect.fnUntraced(function* (folder: string, result: Pipeline.Result, manifest: Manifest.Finished) {
  const lost = yield* RunFolder.damaged(folder, manifest)
  if (lost.length === 0) return
  const { contents } = yield* reported(result, manifest)
  const digests = RunFolder.digestsOf(contents)
  const other = lost.find((file) => digests[file] !== manifest.files[file])
  if (other !== undefined) {
    const problem = "this file of a finished run is damaged, and what comes out now is another: restore it from a copy"
    return yield* new IoError({ path: `${folder}/${other}`, problem })
  }
  yield* Run.use((run) => run.tell({ kind: "note", note: `damaged or gone, and written anew: ${lost.join(", ")}` }))
  yield* RunFolder.put(folder, Object.fromEntries(lost.map((file) => [file, contents[file]!])))
})

/** Whether a file that a run read is no longer where its manifest says. */
const hasMoved = Effect.fnUntraced(function* (folder: string, recorded: Manifest.Finished) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = yield* Effect.orElseSucceed(fs.realPath(folder), () => folder)
  const there = yield* Effect.forEach(outside(recorded), (file) =>
    Effect.orElseSucceed(fs.exists(placeOf(path, real, file)), () => true)
  )
  return there.includes(false)
})

type Begun = Effect.Success<ReturnType<typeof begin>>

/** Puts results into a run's folder, unless the run is finished with others: then it tells where they differ. */
const put = Effect.fnUntraced(function* (folder: string, result: Pipeline.Result, { begun, place }: Begun) {
  const run = yield* Run
  const conclude = (files: Manifest.Finished["files"]) => Manifest.conclude(begun, result, { files, place })
  const recorded = (yield* RunFolder.statusOf(folder)) === "finished" ? yield* RunFolder.glance(folder) : undefined
  if (recorded?.status === "finished") {
    const where = RunFolder.differs(recorded, conclude(recorded.files), RunFolder.contentsOf(result))
    if (where !== undefined) return { kind: "other", where } as const
    const again = conclude(recorded.files)
    yield* restore(folder, result, again)
    if (yield* hasMoved(folder, recorded)) {
      yield* run.tell({ kind: "note", note: "files that it read lie elsewhere now, and the manifest says where" })
      yield* RunFolder.writeManifest(folder, again)
    }
    yield* run.tell({ kind: "finished", ...recorded.digests }, { flush: true })
    return { kind: "there", report: yield* Reporting.reportOf(result, recorded, { samples: 0 }) } as const
  }
  const finished = run.history.findLast((record) => record.kind === "finished")
  const { featuresDigest: features, weightsDigest: weights } = result
  if (finished !== undefined && (finished.features !== features || finished.weights !== weights)) {
    return { kind: "other", where: "features or weights" } as const
  }
  const { report, contents } = yield* reported(result, conclude({}))
  const manifest = conclude(RunFolder.digestsOf(contents))
  yield* RunFolder.write(folder, contents, manifest)
  yield* run.tell({ kind: "finished", ...manifest.digests }, { flush: true })
  return { kind: "there", report } as const
})

/**
 * Runs an experiment in its folder, which is this process's, and writes what it results in. A finished run is never
 * written over: where its id is the same and other results come out, since data or other files have changed that no id
 * knows of, they are another run, named by them too.
 */
const inFolder = Effect.fn("RunCommand.inFolder")(function* (
  out: string,
  { experiment, remember }: ProgramFile.Loaded,
  { begun, place }: Begun,
  trace: Options["trace"]
) {
  const path = yield* Path.Path
  const run = yield* Run
  const folder = path.join(out, begun.id)
  const status = yield* RunFolder.statusOf(folder)
  if (status === "damaged") yield* run.tell({ kind: "note", note: "the manifest was damaged, and is written anew" })
  if (status === "new" || status === "begun") yield* RunFolder.writeManifest(folder, begun)
  const result = yield* Pipeline.run(experiment)
  yield* remember
  const here = yield* put(folder, result, { begun, place })
  if (here.kind === "there") return { result, report: here.report, folder }
  const results = Manifest.resultsOf(Manifest.conclude(begun, result, { files: {}, place }))
  const id = `${begun.experiment}-${Digest.ofJson([begun.id, results]).slice(0, 8)}`
  const note = `other results than those that the run ${begun.id} is finished with (${here.where}) are the run ${id}`
  yield* run.tell({ kind: "note", note })
  yield* Effect.logWarning(note)
  const apart = path.join(out, id)
  const there = yield* put(apart, result, { begun: { ...begun, id }, place }).pipe(
    Effect.provide(Run.layer(apart, { trace }))
  )
  if (there.kind === "there") return { result, report: there.report, folder: apart }
  return yield* new IoError({
    path: apart,
    problem: `this finished run has other results (${there.where}) than its id says`
  })
})

/** Runs it. */
export const run = Effect.fn("RunCommand.run")(function* (options: Options) {
  const path = yield* Path.Path
  const { program, args, said = [], check, out, trace } = options
  const loaded = yield* ProgramFile.load(program, args, { check, said })
  const begun = yield* begin(loaded, { ...options, folder: path.join(out, "run") })
  const folder = path.join(out, begun.begun.id)
  // A run of a newer version is refused before anything is written into its folder, and so are encoders that are damaged.
  if ((yield* RunFolder.statusOf(folder)) === "new") {
    yield* Effect.forEach(Object.values(loaded.experiment.encoders), (encoder) => Encoder.check(encoder))
  }
  const own = Loading.guarded(
    ProgramFile.shown(path, path.resolve(program)),
    "runs",
    inFolder(out, loaded, begun, trace)
  )
  const { result, report, ...at } = yield* own.pipe(
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
      `report   ${path.join(at.folder, files.report)}`
    ].join("\n")
  )
})

const problemOf = (cause: Cause.Cause<unknown>): string =>
  Cause.hasInterruptsOnly(cause) ? Runs.STOPPED : String((Cause.squash(cause) as Error).message ?? cause)
