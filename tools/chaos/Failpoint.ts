/**
 * Death inside of a write: a layer over `FileSystem` that counts what a program does to its files by what they are, and at
 * one chosen place writes half of the bytes, or stops before or after the operation, and kills its own process. Death inside
 * of a stage: some time after the journal is told that an artifact of it is made.
 */
import { Effect, FileSystem, Layer, Schema } from "effect"
import { writeFileSync } from "node:fs"

const operations = ["folder", "open", "write", "sync", "truncate", "rename", "remove"] as const

type Operation = (typeof operations)[number]

/** Tests whether an operation is part of an atomic write: writing, flushing, or renaming. */
export const isWrite = (operation: Operation): boolean => !["folder", "open", "remove"].includes(operation)

/** A place to die at: the n-th operation of its kind (from 1) on a kind of file; a write may stop half done. */
export const Failpoint = Schema.Struct({
  operation: Schema.Literals(operations),
  what: Schema.String,
  nth: Schema.Int,
  when: Schema.Literals(["before", "half", "after"])
})

/** A place to die at. */
export type Failpoint = typeof Failpoint.Type

/** A moment to die at: so many milliseconds after the process begins the n-th artifact of a stage (from 1). */
export const Moment = Schema.Struct({ stage: Schema.String, nth: Schema.Int, after: Schema.Finite })

/** The number of times that each operation was done on each kind of file. */
export const Census = Schema.Array(
  Schema.Struct({ operation: Schema.Literals(operations), what: Schema.String, times: Schema.Int })
)

/** The number of times that each operation was done on each kind of file. */
export type Census = typeof Census.Type

/**
 * The environment of a child process: the place at which it dies and the file that it reports that in, the moment at which
 * it dies, or the file for a census of operations.
 */
export const variables = {
  failpoint: "CHAOS_FAILPOINT",
  died: "CHAOS_DIED",
  moment: "CHAOS_MOMENT",
  census: "CHAOS_CENSUS"
}

const FailpointText = Schema.fromJsonString(Failpoint)

const MomentText = Schema.fromJsonString(Moment)

const JOURNAL = "journal line"

const kinds: ReadonlyArray<readonly [pattern: RegExp, what: string]> = [
  [/\/\.store\/(checked|\.partial-[^/]+\/[0-9a-f]{64}\.json$)/, "remembered check"],
  [/\/\.store\/\.partial-[^/]+\/holder\.json$/, "holder"],
  [/\/\.store\/\.partial-[^/]+\/[^/]+\/artifact\.json$/, "artifact record"],
  [/\/\.store\/\.partial-[^/]+\/[^/]+\/./, "scratch file"],
  [/\/\.store\/\.features\/[^/]+\/holder\.json$/, "holder"],
  [/\/\.store\/\.features\/[^/]+\/./, "chunk of features"],
  [/\/\.store\/\.costs\/./, "costs"],
  [/\/\.store(\/|$)/, "artifact folder"],
  [/\/checkpoints(\/|$)/, "checkpoint"],
  [/\/heads(\/|$)/, "heads"],
  [/\/figures(\/|$)/, "figure"],
  [/\/journal\.jsonl$/, JOURNAL],
  [/\/spans\.jsonl$/, "spans"],
  [/\/manifest\.json$/, "manifest"],
  [/\/trainings\.jsonl$/, "trainings"],
  [/\/predictions\.safetensors$/, "predictions"],
  [/\/report\.(html|json)$/, "report"],
  [/\/holder\.json$/, "holder"],
  [/\/igm-check-/, "typecheck"]
]

/** Classifies a file by its path; a scratch file of an atomic write counts as its target. */
const whatOf = (path: string): string => {
  const whole = path.replaceAll("\\", "/").replace(/\/\.partial-\d+-([^/]+\.[a-z]+)$/, "/$1")
  return kinds.find(([pattern]) => pattern.test(whole))?.[1] ?? "folder of runs"
}

const die: Effect.Effect<never> = Effect.suspend(() => {
  process.kill(process.pid, "SIGKILL")
  return Effect.never
})

/** The file system of this process, with the failpoint and the census that its environment asks for. */
export const layer = Layer.effect(
  FileSystem.FileSystem,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = process.env[variables.failpoint]
    const point = text === undefined ? undefined : yield* Schema.decodeEffect(FailpointText)(text)
    const census = new Map<string, { readonly operation: Operation; readonly what: string; times: number }>()

    const at = <A, E, R>(
      operation: Operation,
      path: string,
      whole: Effect.Effect<A, E, R>,
      half: Effect.Effect<unknown, E> = Effect.void
    ): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const what = whatOf(path)
        const count = census.get(`${operation} ${what}`) ?? { operation, what, times: 0 }
        census.set(`${operation} ${what}`, count)
        count.times++
        if (point?.operation !== operation || point.what !== what || point.nth !== count.times) return whole
        const done = { before: Effect.void, half, after: whole }[point.when]
        const told = Effect.sync(() => writeFileSync(process.env[variables.died]!, text!))
        return done.pipe(Effect.andThen(told), Effect.andThen(die))
      })
    const momentText = process.env[variables.moment]
    const moment = momentText === undefined ? undefined : yield* Schema.decodeEffect(MomentText)(momentText)
    let begun = 0
    /** Looks for the moment in what is told to the journal. */
    const listen = (path: string, bytes: Uint8Array) => {
      if (moment === undefined || begun >= moment.nth || whatOf(path) !== JOURNAL) return
      const lines = new TextDecoder().decode(bytes).split("\n")
      const making = `"kind":"making"`
      begun += lines.filter((line) => line.includes(making) && line.includes(`"stage":"${moment.stage}"`)).length
      if (begun >= moment.nth) setTimeout(() => process.kill(process.pid, "SIGKILL"), moment.after)
    }
    const halfOf = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1)

    const watched = (path: string, file: FileSystem.File): FileSystem.File => ({
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      stat: file.stat,
      seek: (offset, from) => file.seek(offset, from),
      sync: at("sync", path, file.sync),
      read: (buffer, options) => file.read(buffer, options),
      readAlloc: (size, options) => file.readAlloc(size, options),
      truncate: (length) => at("truncate", path, file.truncate(length)),
      write: (bytes) => at("write", path, file.write(bytes), file.write(halfOf(bytes))),
      writeAll: (bytes) =>
        at("write", path, file.writeAll(bytes), file.writeAll(halfOf(bytes))).pipe(
          Effect.tap(() => Effect.sync(() => listen(path, bytes)))
        )
    })

    const leave = process.env[variables.census]
    if (leave !== undefined) {
      process.on("exit", () => writeFileSync(leave, JSON.stringify([...census.values()])))
    }
    return FileSystem.make({
      ...fs,
      makeDirectory: (path, options) => at("folder", path, fs.makeDirectory(path, options)),
      makeTempDirectory: (options) =>
        at("folder", `${options?.directory ?? ""}/${options?.prefix ?? ""}`, fs.makeTempDirectory(options)),
      open: (path, options) => {
        const opened = Effect.map(fs.open(path, options), (file) => watched(path, file))
        return (options?.flag ?? "r") === "r" ? opened : at("open", path, opened)
      },
      writeFile: (path, bytes, options) =>
        at("write", path, fs.writeFile(path, bytes, options), fs.writeFile(path, halfOf(bytes), options)),
      truncate: (path, length) => at("truncate", path, fs.truncate(path, length)),
      rename: (from, to) => at("rename", to, fs.rename(from, to)),
      remove: (path, options) => at("remove", path, fs.remove(path, options))
    })
  })
)
