/**
 * Typechecks and loads the module of an experiment, or reports clearly what is wrong with it. A passed check is cached
 * in the store with the digests of the files that it depended on, and is repeated only if one of them, the framework or
 * the compiler changes.
 */
import { type Args, CodeVersion, Experiment, Runner, Runs, Sources } from "@igm/experiment"
import type * as NodeServices from "@effect/platform-node/NodeServices"
import type { EncoderRuntime } from "@igm/encoders"
import { ArtifactStore, IoError, type Progress, ioError } from "@igm/io"
import type { MediaDecoder } from "@igm/media"
import { Digest } from "@igm/tensor"
import type { HeadTrainer } from "@igm/training"
import { Console, Effect, FileSystem, Path, Predicate, Schema } from "effect"
import { pathToFileURL } from "node:url"
import * as Loading from "./Loading.ts"
import { ProgramError, wordsOf } from "./ProgramError.ts"
import { type Complaint, TypeScript } from "./TypeScript.ts"

/** A loaded program. */
export interface Loaded {
  readonly file: string
  readonly experiment: Experiment.Any
  /**
   * Records in the store that the program passed its check. An existing store has the record already; a missing store
   * is not created before a run uses it.
   */
  readonly remember: Effect.Effect<void, IoError, ArtifactStore>
}

const HOW = "export one as the default: export default Experiment.make(…)"

/** Runs a program's own code, and fails if it changes the working directory, in which relative paths lie. */
const inPlace = <A, E, R>(name: string, code: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = process.cwd()
    const result = yield* code
    if (process.cwd() === before) return result
    process.chdir(before)
    const problem = "it changes the working folder, with process.chdir: leave that out"
    return yield* new ProgramError({ path: name, problem })
  })

/** Loads a program's own code, guarded. */
const watched = <A, E, R>(name: string, code: Effect.Effect<A, E, R>) => inPlace(name, Loading.watched(name, code))

/** Loads the program of a module, after a typecheck if `check` is set. */
export const load = Effect.fn("ProgramFile.load")(function* (program: string, options: { readonly check: boolean }) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.resolve(program)
  const name = shown(path, file)
  const unusable = (problem: string, cause?: unknown) =>
    new ProgramError({ path: name, problem, ...(cause === undefined ? {} : { cause }) })

  const info = yield* fs.stat(file).pipe(Effect.mapError(ioError(name, "read this program")))
  if (info.type !== "File") return yield* unusable("this is not a file: name the experiment's module")
  const remember = options.check && /\.[cm]?ts$/.test(file) ? yield* check(file) : Effect.void
  const imported = Effect.tryPromise({
    try: () => import(pathToFileURL(file).href) as Promise<{ readonly default?: unknown }>,
    catch: (cause) => unusable(unfound(wordsOf(cause)) ?? `this module cannot be loaded: ${wordsOf(cause)}`, cause)
  })
  const module = yield* watched(name, imported)
  const experiment = module.default
  if (experiment === undefined) return yield* unusable(`it exports no experiment: ${HOW}`)
  if (!Experiment.isExperiment(experiment)) return yield* unusable(`its default export is not an experiment: ${HOW}`)
  return { file, experiment, remember } satisfies Loaded
})

/** Applies arguments to a program and determines its source files. */
export const prepare = Effect.fn("ProgramFile.prepare")(function* ({ file, experiment }: Loaded, given: Args.Given) {
  const path = yield* Path.Path
  const name = shown(path, file)
  const unusable = (cause: unknown) =>
    new ProgramError({ path: name, problem: `this experiment cannot be made: ${wordsOf(cause)}`, cause })
  const prepared = yield* watched(name, Runner.prepare(experiment, given)).pipe(
    // A program may throw anything.
    Effect.mapError((error: unknown) =>
      error instanceof ProgramError || error instanceof IoError ? error : unusable(error)
    )
  )
  return { prepared, sources: yield* Sources.of(file) }
})

/** The services that the command provides to a program, besides those of its run. */
export type Services =
  Runner.Environment | EncoderRuntime | HeadTrainer | MediaDecoder | Progress | NodeServices.NodeServices

/**
 * Requires that a program can be run by the command. If it needs a service that the command does not have, the error
 * says so.
 */
export const served = <A>(
  name: string,
  program: Effect.Effect<A, unknown, unknown>
): Effect.Effect<A, unknown, Services> =>
  // The types of a module that is loaded are not known: what it lacks is found when it asks for it.
  inPlace(name, program as Effect.Effect<A, unknown, Services>).pipe(
    Effect.catchDefect((defect) => {
      const [, service] = /^Service not found: (\S+)/.exec(wordsOf(defect)) ?? []
      const problem =
        service === undefined
          ? wordsOf(defect)
          : `it asks for the service ${service}, which the command does not have: provide it in the program, or run it by a main module of your own`
      return Effect.fail(new ProgramError({ path: name, problem, cause: defect }))
    }),
    // Errors of the framework name what they are about; a program may fail with anything.
    Effect.mapError((error) =>
      Predicate.hasProperty(error, "_tag")
        ? error
        : new ProgramError({ path: name, problem: wordsOf(error), cause: error })
    )
  )

/** A path for messages: relative to the working directory if it lies inside. */
export const shown = (path: Path.Path, file: string): string => {
  const relative = path.relative(".", file)
  return relative.startsWith("..") || path.isAbsolute(relative) ? file : relative
}

/**
 * The message for a package of the framework that cannot be resolved from the program's folder; undefined for other
 * errors.
 */
const unfound = (message: string): string | undefined => {
  const [, name] = /Cannot find (?:module|package) '((?:@igm\/|effect(?=[/']))[^']*)'/.exec(message) ?? []
  return name === undefined
    ? undefined
    : `${name} cannot be found from its folder: a program must lie in this repository, or in a folder where the @igm packages are installed`
}

const Remembered = Schema.fromJsonString(
  Schema.Struct({ program: Schema.String, files: Schema.Record(Schema.String, Schema.String) })
)

/** Typechecks a program unless a cached check is valid; gives the effect that caches the result. */
const check = Effect.fn("ProgramFile.check")(function* (file: string) {
  const { sources } = yield* CodeVersion.codeDigest
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = yield* ArtifactStore
  const typescript = yield* TypeScript
  const key = Digest.ofJson({ program: file, sources, typescript: typescript.version })
  const name = path.join(Runs.CHECKED, `${key}.json`)
  const memory = path.join(store.folder, name)
  const digestOf = (name: string) => Effect.map(fs.readFile(name), Digest.ofBytes)

  const isRemembered = Effect.gen(function* () {
    const { files } = yield* Effect.flatMap(fs.readFileString(memory), Schema.decodeEffect(Remembered))
    const same = yield* Effect.forEach(
      Object.entries(files),
      ([name, digest]) => Effect.map(digestOf(name), (now) => now === digest),
      { concurrency: "unbounded" }
    )
    return same.every(Boolean)
    // What is not there, damaged, or about files that are gone, is no memory.
  }).pipe(Effect.orElseSucceed(() => false))
  if (yield* isRemembered) return Effect.void

  const verdict = yield* typescript.check(file)
  if (verdict.kind === "unchecked") {
    yield* Console.error(`igm: ${shown(path, file)} is run without a check of its types: ${verdict.why}`)
    return Effect.void
  }
  if (verdict.kind === "refused") return yield* refusal(path, verdict.complaints)
  const own = verdict.files.filter((name) => !CodeVersion.covers(name))
  const files = yield* Effect.forEach(own, (name) =>
    digestOf(name).pipe(
      Effect.map((digest) => [name, digest] as const),
      Effect.mapError(ioError(name, "read this file"))
    )
  )
  const text = `${JSON.stringify({ program: file, files: Object.fromEntries(files) }, null, 2)}\n`
  // The store that a run has, which need not be the one that is open now.
  const remember = ArtifactStore.use((store) => store.put(name, text))
  if (yield* Effect.orElseSucceed(fs.exists(store.folder), () => false)) yield* remember
  return remember
})

/** The largest number of type errors that are printed, each in one line. */
const LISTED = 10

/**
 * The error of a program that does not typecheck: each error in one line, up to a number of them, and in the message the
 * compiler's whole output.
 */
const refusal = (path: Path.Path, complaints: readonly [Complaint, ...ReadonlyArray<Complaint>]): ProgramError => {
  const place = ({ file, line, column }: Complaint) => `${shown(path, file)}:${line}:${column}`
  const [first] = complaints
  const all = complaints.map((complaint) => `${place(complaint)}: ${complaint.text.join("\n")}`)
  const error = (path: string, problem: string, details: ReadonlyArray<string> = []) =>
    new ProgramError({ path, problem: [problem, ...all].join("\n"), details })
  const missing = complaints.map(({ text }) => unfound(text[0])).find(Predicate.isNotUndefined)
  if (missing !== undefined) return error(shown(path, first.file), missing)
  const count = complaints.length
  if (count === 1) return error(place(first), `${headline(first)} (run with --no-check to run it all the same)`)
  return error(shown(path, first.file), `${count} type errors`, [
    ...complaints.slice(0, LISTED).map((complaint) => `  ${place(complaint)}: ${headline(complaint)}`),
    ...(count > LISTED ? [`  and ${count - LISTED} more`] : []),
    "All of them in full: npx tsc --noEmit where a tsconfig.json covers the program, or --verbose. To run it all the same: --no-check"
  ])
}

/**
 * A compiler error in one line: its innermost explanation, if the explanations form a chain, and the property that it
 * is about.
 */
const headline = ({ text }: Complaint): string => {
  const depths = text.map((line) => line.search(/\S/))
  const isChain = depths.every((depth, i) => i === 0 || depth > depths[i - 1]!)
  if (!isChain) return text[0]
  const at = text.flatMap((line) => /[Tt]ypes of (?:property )?'([^']+)'/.exec(line)?.[1] ?? [])
  return `${at.length === 0 ? "" : `${at.join(".")}: `}${text.at(-1)!.trim()}`
}
