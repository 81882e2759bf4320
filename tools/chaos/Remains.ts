/**
 * The files that a finished run leaves in the folder of runs: the SHA-256 of each, and files that should not be there.
 */
import { Lock, AtomicFile } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import * as RunHistory from "./RunHistory.ts"

/** Every file's digest, and `folder` for every folder, by the path in the folder of runs. */
export type Remains = { readonly [path: string]: string }

/** Files that tell how it came about, not what it resulted in; they are looked at by themselves. */
const told = /(\/(journal|spans)|^\.store\/\.costs\/[^/]+)\.jsonl$/

/** The contents of a folder of runs. */
export const of = Effect.fn("Remains.of")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* fs.readDirectory(out, { recursive: true })).toSorted()
  const entries = yield* Effect.forEach(
    names.filter((name) => !told.test(name)),
    Effect.fnUntraced(function* (name) {
      const { type } = yield* fs.stat(`${out}/${name}`)
      // Nothing may open a lock but who takes it.
      if (name.endsWith("/lock")) return [name, "lock"] as const
      return [name, type === "File" ? Digest.ofBytes(yield* fs.readFile(`${out}/${name}`)) : "folder"] as const
    }),
    { concurrency: 16 }
  )
  const remains: Remains = Object.fromEntries(entries)
  return remains
})

/** Lists the differences of a run's files from those of an undisturbed one. */
export const differences = (found: Remains, expected: Remains): ReadonlyArray<string> => [
  ...Object.keys(expected).flatMap((path) =>
    found[path] === undefined
      ? [`${path} is missing`]
      : found[path] === expected[path]
        ? []
        : [`${path} has other bytes than in the undisturbed run`]
  ),
  ...Object.keys(found).flatMap((path) => (expected[path] === undefined ? [`${path} is left over`] : []))
]

const isStray = (path: string): boolean =>
  path.split("/").some((part) => part.startsWith(AtomicFile.PARTIAL) || part === "holder.json") ||
  /\/checkpoints\/./.test(path)

/** Lists the problems in the folder of a finished run, whatever its results. */
export const faults = Effect.fn("Remains.faults")(function* (out: string, found: Remains) {
  const fs = yield* FileSystem.FileSystem
  const run = yield* RunHistory.runIn(out)
  const { records, torn } = yield* RunHistory.read(out)
  const spans = yield* fs.readFileString(`${run}/spans.jsonl`)
  const free = yield* Lock.hold(run!, "chaos").pipe(Effect.scoped, Effect.option)
  return [
    ...Object.keys(found).flatMap((path) => (isStray(path) ? [`${path} is half written or of finished work`] : [])),
    ...(torn === 0 ? [] : [`the journal's last ${torn} bytes are half a line`]),
    ...(records.at(-1)?.kind === "finished" ? [] : ["the journal does not end with the end of the run"]),
    ...(spans.endsWith("\n") ? [] : ["spans.jsonl ends in the middle of a line"]),
    ...(free._tag === "Some" ? [] : ["the run is locked"])
  ]
})
