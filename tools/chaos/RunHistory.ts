/** The history of a run's starts from its journal: the stage that a kill hit, and the time of each artifact. */
import { Journal, files } from "@igm/experiment"
import { AppendFile } from "@igm/io"
import { Effect, FileSystem } from "effect"

type Records = ReadonlyArray<Journal.Record>

/** The folder of the one run in a folder of runs, unless there is none yet. */
export const runIn = Effect.fn("RunHistory.runIn")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(out), () => [])
  const run = names.find((name) => !name.startsWith("."))
  return run === undefined ? undefined : `${out}/${run}`
})

/** The journal of the one run in a folder of runs, and how many bytes of its last line are half written. */
export const read = Effect.fn("RunHistory.read")(function* (out: string) {
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

/** The number of artifacts of a run. */
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

/** The time that each artifact of a stage took, in milliseconds, in the order in which they were begun. */
export const durations = (records: Records): ReadonlyMap<string, ReadonlyArray<number>> => {
  const stored = new Map(records.flatMap((record) => (record.kind === "stored" ? [[record.digest, record.at]] : [])))
  const made = records.flatMap((record) => {
    if (record.kind !== "making") return []
    return [{ stage: record.stage, took: (stored.get(record.digest) ?? record.at) - record.at }]
  })
  const stages = Map.groupBy(made, ({ stage }) => stage)
  return new Map([...stages].map(([stage, of]) => [stage, of.map(({ took }) => took)]))
}

/** The times that work went on from a checkpoint, by stage. */
export const resumed = (records: Records): { readonly [stage: string]: number } => {
  const stages = new Map(records.flatMap((record) => (record.kind === "making" ? [[record.digest, record.stage]] : [])))
  const all = records.flatMap((record) => (record.kind === "resumed" ? [stages.get(record.digest) ?? "unknown"] : []))
  return Object.fromEntries([...Map.groupBy(all, (stage) => stage)].map(([stage, of]) => [stage, of.length]))
}
