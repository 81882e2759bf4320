/**
 * Death inside of a write: a layer over `FileSystem` that counts what a program does to its files by what they are, and at
 * one chosen place writes half of the bytes, or stops before or after the operation, and kills its own process.
 */
import { Effect, FileSystem, Layer, Schema } from "effect"
import { writeFileSync } from "node:fs"

const operations = ["folder", "open", "write", "sync", "truncate", "rename", "remove"] as const

type Operation = (typeof operations)[number]

/** Whether an operation is part of writing a file whole: its bytes, their way to the disk, and their name. */
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

/** How often each operation was done on each kind of file. */
export const Census = Schema.Array(
  Schema.Struct({ operation: Schema.Literals(operations), what: Schema.String, times: Schema.Int })
)

/** How often each operation was done on each kind of file. */
export type Census = typeof Census.Type

/** What a child process is told by its environment: where to die, and the file to say so in; or where to leave a census. */
export const variables = { failpoint: "CHAOS_FAILPOINT", died: "CHAOS_DIED", census: "CHAOS_CENSUS" }

const FailpointText = Schema.fromJsonString(Failpoint)

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
  [/\/journal\.jsonl$/, "journal line"],
  [/\/spans\.jsonl$/, "spans"],
  [/\/manifest\.json$/, "manifest"],
  [/\/trainings\.jsonl$/, "trainings"],
  [/\/predictions\.safetensors$/, "predictions"],
  [/\/report\.html$/, "report"],
  [/\/holder\.json$/, "holder"],
  [/\/igm-check-/, "typecheck"]
]

/** What a file is, by its path; a file that is written whole is known by its name before it has it. */
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
      writeAll: (bytes) => at("write", path, file.writeAll(bytes), file.writeAll(halfOf(bytes)))
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
