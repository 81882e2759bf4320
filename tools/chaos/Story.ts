/** What the journal of a run tells of its starts: which stage a kill hit, and when each stage ran. */
import { Journal, files } from "@igm/experiment"
import { AppendFile } from "@igm/io"
import { Effect, FileSystem } from "effect"

type Records = ReadonlyArray<Journal.Record>

/** The folder of the one run in a folder of runs, unless there is none yet. */
export const runIn = Effect.fn("Story.runIn")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(out), () => [])
  const run = names.find((name) => !name.startsWith("."))
  return run === undefined ? undefined : `${out}/${run}`
})

/** The journal of the one run in a folder of runs, and how many bytes of its last line are half written. */
export const read = Effect.fn("Story.read")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const run = yield* runIn(out)
  const file = `${run}/${files.journal}`
  if (run === undefined || !(yield* fs.exists(file))) return { records: [], torn: 0 }
  return yield* AppendFile.read(file, Journal.Record)
})

/** The records of the last start, if it is that of this process. */
const since = (records: Records, pid: number): Records => {
  const last = records.findLastIndex(({ kind }) => kind === "started")
  const started = records[last]
  return started?.kind === "started" && started.process === pid ? records.slice(last + 1) : []
}

/** How many artifacts a run has in all. */
export const artifacts = (records: Records): number =>
  new Set(records.flatMap((record) => (record.kind === "stored" ? [record.digest] : []))).size

/**
 * The stage that was being made when a process was killed; `start` before the first artifact, `report` after the last
 * one, and `between` where it was at neither.
 */
export const hit = (records: Records, pid: number, total: number): string => {
  const own = since(records, pid)
  const stored = new Set(own.flatMap((record) => (record.kind === "stored" ? [record.digest] : [])))
  const making = own.findLast((record) => record.kind === "making" && !stored.has(record.digest))
  if (making?.kind === "making") return making.stage
  return stored.size === 0 ? "start" : artifacts(own) === total ? "report" : "between"
}

/** When each stage ran, in milliseconds since 1970. */
export const windows = (records: Records): ReadonlyMap<string, readonly [from: number, to: number]> => {
  const found = new Map<string, readonly [number, number]>()
  for (const record of records) {
    if (record.kind !== "making" && record.kind !== "stored") continue
    found.set(record.stage, [found.get(record.stage)?.[0] ?? record.at, record.at])
  }
  return found
}
