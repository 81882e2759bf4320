/**
 * An experiment's module as its author left it: typechecked, loaded, and built, or told plainly what is wrong with it. A
 * check that the module passed is remembered in the store with the digests of the files that it depended on, and is not
 * made again before one of them, the framework or the compiler changes.
 */
import { Experiment, Runs } from "@igm/experiment"
import { ArtifactStore, FileDigest, type IoError, ioError } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Console, Effect, FileSystem, Path, Predicate, Schema } from "effect"
import { pathToFileURL } from "node:url"
import * as CodeVersion from "./CodeVersion.ts"
import * as Loading from "./Loading.ts"
import * as ModuleGraph from "./ModuleGraph.ts"
import { ProgramError, wordsOf } from "./ProgramError.ts"
import { type Complaint, TypeScript } from "./TypeScript.ts"

/** What a program's module gave. */
export interface Loaded {
  readonly experiment: ReturnType<Experiment.Program>
  readonly code: CodeVersion.CodeVersion
  /** The program's file, and those that it imports. */
  readonly program: ModuleGraph.Module
  readonly modules: ReadonlyArray<ModuleGraph.Module>
  /** Remembers that the program passed its check. A store that exists has it already; none is made before it is used. */
  readonly remember: Effect.Effect<void, IoError>
}

const NO_CHECK = "run with --no-check to run it all the same"

const HOW = "export one as the default: export default Experiment.program(…)"

/** The experiment of a program, which is typechecked first if that is wanted. */
export const load = Effect.fn("ProgramFile.load")(function* (
  program: string,
  args: Experiment.Arguments,
  options: {
    readonly check: boolean
    /** The arguments that a person gave, which the program has to read; not those that are taken where none are given. */
    readonly said?: ReadonlyArray<keyof Experiment.Arguments>
  }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.resolve(program)
  const name = shown(path, file)
  const unusable = (problem: string, cause?: unknown) =>
    new ProgramError({ path: name, problem, ...(cause === undefined ? {} : { cause }) })

  const info = yield* fs.stat(file).pipe(Effect.mapError(ioError(name, "read this program")))
  if (info.type !== "File") return yield* unusable("this is not a file: name the experiment's module")
  const code = yield* CodeVersion.codeDigest
  const remember = options.check && /\.[cm]?ts$/.test(file) ? yield* check(file, code) : Effect.void

  const reads = new Set<string>()
  const build = Effect.gen(function* () {
    const module = yield* Effect.tryPromise({
      try: () => import(pathToFileURL(file).href) as Promise<{ readonly default?: unknown }>,
      catch: (cause) => unusable(unfound(wordsOf(cause)) ?? `this module cannot be loaded: ${wordsOf(cause)}`, cause)
    })
    if (module.default === undefined) return yield* unusable(`it exports no experiment: ${HOW}`)
    const made = module.default
    if (!Predicate.isFunction(made)) return yield* unusable(`its default export is not an experiment: ${HOW}`)
    const cannot = (cause: unknown) => unusable(`this experiment cannot be made: ${wordsOf(cause)}`, cause)
    const built: unknown = yield* Effect.try({ try: () => made(noting(args, reads)), catch: cannot })
    if (Predicate.isPromise(built)) {
      // Whether it fails is of no interest any more.
      built.catch(() => undefined)
      return yield* unusable(`its default export makes a promise of an experiment: ${HOW}`)
    }
    if (!isExperiment(built)) return yield* unusable(`its default export makes no experiment: ${HOW}`)
    yield* Effect.try({ try: () => Experiment.check(built), catch: cannot })
    return built
  })
  const before = process.cwd()
  const experiment = yield* Loading.watched(name, build)
  if (process.cwd() !== before) {
    return yield* unusable("it changes the working folder, with process.chdir: leave that out")
  }
  const unread = options.said?.find((flag) => !reads.has(flag))
  if (unread !== undefined) {
    return yield* unusable(`it does not read --${unread}, and ${args[unread]} is given: leave out --${unread}`)
  }
  const modules = yield* ModuleGraph.of(file)
  const own = experiment.views?.count
  if (args.views !== undefined && own !== args.views) {
    const has = own === undefined ? "no augmented views of its samples" : `${own} views of each sample of its own`
    return yield* unusable(`it has ${has}, and ${args.views} are asked for: leave out --views`)
  }
  const digest = yield* FileDigest.of(file).pipe(Effect.mapError(ioError(name, "read this program")))
  return { experiment, code, program: { path: file, digest }, modules, remember } satisfies Loaded
})

/** The arguments, which note what is read of them. */
const noting = (args: Experiment.Arguments, reads: Set<string>): Experiment.Arguments =>
  Object.defineProperties(
    {} as Experiment.Arguments,
    Object.fromEntries(
      Object.entries(args).map(([name, value]) => {
        const get = () => (reads.add(name), value)
        return [name, { enumerable: true, get }]
      })
    )
  )

/** Whether a value has the parts of an experiment; what they are is checked next. */
const isExperiment = (value: unknown): value is ReturnType<Experiment.Program> =>
  Predicate.isObject(value) &&
  ["name", "title", "dataset", "encoders", "methods", "compared", "seeds"].every((part) => part in value)

/** A path as a person would name it: from the working folder where it lies in there. */
export const shown = (path: Path.Path, file: string): string => {
  const relative = path.relative(".", file)
  return relative.startsWith("..") || path.isAbsolute(relative) ? file : relative
}

/** What to tell when a package of the framework cannot be found from the program's folder. */
const unfound = (message: string): string | undefined => {
  const [, name] = /Cannot find (?:module|package) '((?:@igm\/|effect(?=[/']))[^']*)'/.exec(message) ?? []
  return name === undefined
    ? undefined
    : `${name} cannot be found from its folder: a program must lie in this repository, or in a folder where the @igm packages are installed`
}

const Remembered = Schema.fromJsonString(
  Schema.Struct({ program: Schema.String, files: Schema.Record(Schema.String, Schema.String) })
)

/** Fails if the program does not typecheck, and gives what remembers that it does; a remembered check is not made again. */
const check = Effect.fn("ProgramFile.check")(function* (file: string, { sources }: CodeVersion.CodeVersion) {
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
  const remember = store.put(name, text)
  if (yield* Effect.orElseSucceed(fs.exists(store.folder), () => false)) yield* remember
  return remember
})

/** The error of a program that does not typecheck: the first complaint in one line, then all that the compiler said. */
const refusal = (path: Path.Path, complaints: readonly [Complaint, ...ReadonlyArray<Complaint>]): ProgramError => {
  const place = ({ file, line, column }: Complaint) => `${shown(path, file)}:${line}:${column}`
  const [first, ...others] = complaints
  const missing = complaints.map(({ text }) => unfound(text[0])).find(Predicate.isNotUndefined)
  const more = [...(others.length === 0 ? [] : [`and ${others.length} more`]), NO_CHECK]
  const all = complaints.map((complaint) => `${place(complaint)}: ${complaint.text.join("\n")}`)
  return new ProgramError({
    path: missing === undefined ? place(first) : shown(path, first.file),
    problem: [missing ?? `${headline(first)} (${more.join("; ")})`, ...all].join("\n")
  })
}

/** The complaint in one line: the innermost of its explanations, where they lead to one, and the property it is about. */
const headline = ({ text }: Complaint): string => {
  const depths = text.map((line) => line.search(/\S/))
  const isChain = depths.every((depth, i) => i === 0 || depth > depths[i - 1]!)
  if (!isChain) return text[0]
  const at = text.flatMap((line) => /[Tt]ypes of (?:property )?'([^']+)'/.exec(line)?.[1] ?? [])
  return `${at.length === 0 ? "" : `${at.join(".")}: `}${text.at(-1)!.trim()}`
}
