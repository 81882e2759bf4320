/**
 * Runs an experiment program in its folder and writes its results: the same program, arguments and environment resume
 * an interrupted run. A finished run is never overwritten: if the same id gives other results, since data have changed
 * that the id does not cover, they become another run, whose id also includes their digest.
 */
import { type Artifact, type ArtifactStore, IoError, Spans, ioError } from "@igm/io"
import { Report } from "@igm/report"
import { Digest, type Setting } from "@igm/tensor"
import { Cause, Effect, FileSystem, Path, Schema } from "effect"
import * as Args from "../Args.ts"
import type { Experiment } from "../Experiment.ts"
import { ExperimentError } from "../ExperimentError.ts"
import * as Manifest from "./Manifest.ts"
import * as Provenance from "./Provenance.ts"
import * as ProgramOrder from "../stage/ProgramOrder.ts"
import { noEffect } from "../stage/NoEffect.ts"
import { Run } from "./Run.ts"
import { files, outside, placeIn, placeOf } from "./RunFiles.ts"
import * as RunFolder from "./RunFolder.ts"
import { STOPPED } from "./Runs.ts"
import type { Sources } from "./Sources.ts"

/** Options of a run. */
export interface Options {
  /** The program's arguments as JSON; paths are relative to the working directory. */
  readonly given: Args.Given
  readonly sources: Sources
  /** The folder that contains the runs. */
  readonly out: string
  /** The level of detail in the record of each training: epochs, or steps as well. */
  readonly trace?: "epoch" | "step"
  /** Devices for heads that were tried but could not be used, for the manifest. */
  readonly refused?: Manifest.Recipe["refused"]
}

/** The services that a run provides to its program. */
export type Environment = ArtifactStore | Run

/** A program with its arguments applied. */
export interface Prepared<E, R> {
  readonly name: string
  readonly specs: ReadonlyArray<Args.Spec>
  /** All arguments, defaults included, with absolute paths. */
  readonly given: Args.Given
  readonly program: Effect.Effect<Report.Report, E, R>
}

/** Tells if a path is a folder or a file; fails with an `IoError` that names the wanted kind if it does not exist. */
const placeAt = Effect.fnUntraced(function* (at: string, wanted: "folder" | "file") {
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* fs
    .stat(at)
    .pipe(
      Effect.mapError((cause) =>
        cause.reason._tag === "NotFound"
          ? new IoError({ path: at, problem: `this ${wanted} does not exist`, cause })
          : ioError(at, `look at this ${wanted}`)(cause)
      )
    )
  return type === "Directory" ? "folder" : "file"
})

/**
 * Applies arguments to a program. Fails with a `SettingError`, with an `IoError` for a missing file or folder, or with
 * an error that the program itself throws.
 */
export const prepare = Effect.fn("Runner.prepare")(function* <A extends Args.Struct, E, R>(
  experiment: Experiment<A, E, R>,
  args: Args.Given
) {
  const path = yield* Path.Path
  const { name, specs } = experiment
  // An empty path is none: it is no word for the working folder.
  const absolute = (file: string) => (file === "" ? file : path.resolve(file))
  const given = Args.mapPaths(specs, Args.completed(specs, args), absolute)
  const decoded = yield* Effect.fromResult(Args.decode(name, experiment.args, given))
  for (const { name: argument, kind } of specs) {
    if ((kind !== "folder" && kind !== "file") || given[argument] === undefined) continue
    for (const at of [given[argument]].flat() as ReadonlyArray<string>) {
      const is: string = yield* placeAt(at, kind)
      if (is !== kind) return yield* new IoError({ path: at, problem: `this is a ${is}, and no ${kind}` })
    }
  }
  const program = yield* Effect.try({
    try: () => experiment.run(decoded),
    catch: (cause) => cause as Setting.SettingError
  })
  const problem = noEffect(program)
  if (problem !== undefined) return yield* new ExperimentError({ experiment: name, problem: `its run ${problem}` })
  const prepared: Prepared<E, R> = { name, specs, given, program }
  return prepared
})

/** Makes the initial manifest of a program's run in a folder beside others, and the function that names files in it. */
export const begin = Effect.fn("Runner.begin")(function* (
  { name, specs, given }: Pick<Prepared<unknown, unknown>, "name" | "specs" | "given">,
  { sources, trace = "epoch", refused = [] }: Omit<Options, "given" | "out">,
  folder: string
) {
  const place = yield* placeIn(folder, sources.program.path)
  const begun = yield* Manifest.describe({
    experiment: name,
    specs,
    arguments: Args.mapPaths(specs, given, place),
    sources,
    place,
    trace,
    refused
  })
  return { begun, place }
})

type Begun = Effect.Success<ReturnType<typeof begin>>

/** Executes a program in the given run and collects its results. */
export const execute = Effect.fn("Runner.execute")(function* <E, R>(
  name: string,
  program: Effect.Effect<Report.Report, E, R>
) {
  const [report, artifacts] = yield* ProgramOrder.collected<Artifact, Report.Report, E, R>(program)
  if (!Schema.is(Report.Report)(report)) {
    const problem = "its run gives no report: end it with Report.make(title, sections)"
    return yield* new ExperimentError({ experiment: name, problem })
  }
  const run = yield* Run
  return { report, artifacts, inputs: yield* run.inputs, attached: yield* run.attached }
})

/** Adds the id, the arguments and the environment of a run to its report; replays do not compare them. */
const labelled = ({ title, sections }: Report.Report, begun: Begun["begun"]): Report.Report => {
  const { id, heads, encoders, versions, processor } = begun
  const places = {
    ...(heads === null ? {} : { heads: `${heads.name} (${heads.engine}:${heads.device})` }),
    ...(encoders === null ? {} : { encoders: encoders.device }),
    processor
  }
  const on = Report.facts("Versions", { ...versions, ...places }, { surroundings: true })
  return Report.make(title, [Report.run(id, begun.arguments), ...sections, on])
}

/** The results of an executed program. */
export interface Executed extends Manifest.Outcome {
  readonly attached: Effect.Success<Run["Service"]["attached"]>
}

/** Rewrites the damaged or missing files of a finished run with the same results. */
const restore = Effect.fnUntraced(function* (folder: string, executed: Executed, manifest: Manifest.Finished) {
  const lost = yield* RunFolder.damaged(folder, manifest)
  if (lost.length === 0) return
  const contents = yield* RunFolder.contentsOf(executed.report, executed.attached)
  const digests = RunFolder.digestsOf(contents)
  const other = lost.find((file) => digests[file] !== manifest.files[file])
  if (other !== undefined) {
    const problem = "this file of a finished run is damaged, and what comes out now is another: restore it from a copy"
    return yield* new IoError({ path: `${folder}/${other}`, problem })
  }
  yield* Run.use((run) => run.tell({ kind: "note", note: `damaged or gone, and written anew: ${lost.join(", ")}` }))
  yield* RunFolder.put(folder, Object.fromEntries(lost.map((file) => [file, contents[file]!])))
})

/** Tells if a file that a run read is no longer at the path in its manifest. */
const hasMoved = Effect.fnUntraced(function* (folder: string, recorded: Manifest.Finished) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = yield* Effect.orElseSucceed(fs.realPath(folder), () => folder)
  const there = yield* Effect.forEach(outside(recorded), (file) =>
    Effect.orElseSucceed(fs.exists(placeOf(path, real, file)), () => true)
  )
  return there.includes(false)
})

/**
 * Writes results into a run's folder, unless the run is finished with other results: then it gives the first that
 * differs.
 */
const put = Effect.fnUntraced(function* (folder: string, executed: Executed, { begun, place }: Begun) {
  const run = yield* Run
  const report = RunFolder.dataDigest(executed.report)
  const conclude = (files: Manifest.Finished["files"]) => Manifest.conclude(begun, executed, { files, report, place })
  const recorded = (yield* RunFolder.statusOf(folder)) === "finished" ? yield* RunFolder.glance(folder) : undefined
  if (recorded?.status === "finished") {
    const where = RunFolder.differs(recorded, report, executed.attached)
    if (where !== undefined) return where
    const again = conclude(recorded.files)
    yield* restore(folder, executed, again)
    if (yield* hasMoved(folder, recorded)) {
      yield* run.tell({ kind: "note", note: "files that it read lie elsewhere now, and the manifest says where" })
      yield* RunFolder.writeManifest(folder, again)
    }
    yield* run.tell({ kind: "finished", report }, { flush: true })
    return undefined
  }
  const finished = run.history.findLast((record) => record.kind === "finished")
  if (finished !== undefined && finished.report !== report) return "the report"
  const contents = yield* RunFolder.contentsOf(executed.report, executed.attached)
  yield* RunFolder.write(folder, contents, conclude(RunFolder.digestsOf(contents)))
  yield* run.tell({ kind: "finished", report }, { flush: true })
  return undefined
})

/** A finished run. */
export interface Done extends Executed {
  readonly folder: string
  /** The artifacts that it reused although the program's code has changed since they were made. */
  readonly outdated: ReadonlyArray<Provenance.Outdated>
}

/** Runs a program in its folder, which this process holds, and writes its results. */
const inFolder = Effect.fn("Runner.inFolder")(function* <E, R>(
  program: Effect.Effect<Report.Report, E, R>,
  { out, trace = "epoch" }: Pick<Options, "out" | "trace">,
  { begun, place }: Begun
) {
  const path = yield* Path.Path
  const run = yield* Run
  const folder = path.join(out, begun.id)
  const status = yield* RunFolder.statusOf(folder)
  if (status === "damaged") yield* run.tell({ kind: "note", note: "the manifest was damaged, and is written anew" })
  if (status === "new" || status === "begun") yield* RunFolder.writeManifest(folder, begun)
  const came = yield* execute(begun.experiment, program)
  // What is left of them is of work that this program does not ask for any more.
  const fs = yield* FileSystem.FileSystem
  const checkpoints = path.dirname(path.join(folder, files.checkpoint("")))
  yield* Effect.ignore(fs.remove(checkpoints, { recursive: true, force: true }))
  const executed: Executed = { ...came, report: labelled(came.report, begun) }
  const outdated = yield* Provenance.outdated(out, begun, executed.artifacts, run.history)
  if (outdated.length > 0) yield* run.tell({ kind: "outdated", artifacts: outdated })
  const done = (at: string): Done => ({ ...executed, folder: at, outdated })
  const where = yield* put(folder, executed, { begun, place })
  if (where === undefined) return done(folder)
  const results = [RunFolder.dataDigest(executed.report), RunFolder.digestsOf(executed.attached)] as const
  const id = `${begun.experiment}-${Digest.ofJson([begun.id, ...results]).slice(0, 8)}`
  const note = `other results than those that the run ${begun.id} is finished with (${where}) are the run ${id}`
  yield* run.tell({ kind: "note", note })
  yield* Effect.logWarning(note)
  const apart = path.join(out, id)
  const still = yield* put(apart, executed, { begun: { ...begun, id }, place }).pipe(
    Effect.provide(Run.layer(apart, { trace }))
  )
  if (still === undefined) return done(apart)
  const problem = `this finished run has other results (${still}) than its id says`
  return yield* new IoError({ path: apart, problem })
})

/** The message of a failure; a program may fail with anything. */
const problemOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return STOPPED
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

/** Runs a program with its arguments applied. */
export const run = Effect.fn("Runner.run")(function* <E, R>(prepared: Prepared<E, R>, options: Omit<Options, "given">) {
  const path = yield* Path.Path
  const { out, trace = "epoch" } = options
  const begun = yield* begin(prepared, options, path.join(out, "run"))
  const folder = path.join(out, begun.begun.id)
  // A run of a newer version is refused before anything is written into its folder.
  yield* RunFolder.statusOf(folder)
  return yield* inFolder(prepared.program, options, begun).pipe(
    Effect.onError((cause) =>
      Run.use((run) => run.tell({ kind: "failed", problem: problemOf(cause) })).pipe(Effect.ignore)
    ),
    Effect.provide(Spans.layer(path.join(folder, files.spans))),
    Effect.provide(Run.layer(folder, { trace }))
  )
})
