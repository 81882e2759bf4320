/**
 * The history of a run, derived from its journal alone: its starts and how they ended, the artifacts with their
 * durations, and the progress of the trainings. Times are those of the clock that wrote the journal, which may have
 * been adjusted.
 */
import type { Schema } from "effect"
import type * as Journal from "./Journal.ts"

/** A start of a run; `last` is the time of its last journal entry. A start that was killed has no entry of its end. */
export interface Start {
  readonly at: number
  readonly process: number
  readonly host: string
  readonly last: number
  readonly end: "finished" | "failed" | "running" | "broken off"
  readonly problem?: string
}

/** An artifact that a run computed or reused; `spent` is the time in milliseconds over all starts that worked on it. */
export interface Work {
  readonly stage: string
  readonly name: string
  readonly digest: string
  /** The origin of the artifact: made by this run, reused, or only begun. */
  readonly how: "made" | "reused" | "begun"
  readonly spent: number
  /** The run of the same program that made it with other code, if that is known of a reused artifact. */
  readonly madeBy?: string
}

/** The progress of a stage's work, and the facts that were reported with it. */
export interface Progress {
  readonly name: string
  readonly done: number
  readonly facts: { readonly [name: string]: Schema.Json }
}

/** A run's history. */
export interface RunHistory {
  readonly starts: ReadonlyArray<Start>
  readonly works: ReadonlyArray<Work>
  /** The progress in the order in which the work began; reused work reports none. */
  readonly progress: ReadonlyArray<Progress>
  readonly notes: ReadonlyArray<string>
}

const startOf = (records: ReadonlyArray<Journal.Record>, isOver: boolean): ReadonlyArray<Start> => {
  const [first] = records
  if (first?.kind !== "started") return []
  const { at, process, host } = first
  const end = records.findLast(({ kind }) => kind === "finished" || kind === "failed")
  const last = records.at(-1)!.at
  if (end?.kind === "failed") return [{ at, process, host, last, end: "failed", problem: end.problem }]
  return [{ at, process, host, last, end: end !== undefined ? "finished" : isOver ? "broken off" : "running" }]
}

/** Derives the history of a run from its journal; `inUse` is true if a process holds the run now. */
export const of = (journal: ReadonlyArray<Journal.Record>, { inUse }: { readonly inUse: boolean }): RunHistory => {
  const starts: Array<Array<Journal.Record>> = []
  for (const record of journal) {
    if (record.kind === "started") starts.push([])
    starts.at(-1)?.push(record)
  }
  const works = new Map<string, Work>()
  const progress = new Map<string, Progress>()
  for (const records of starts) {
    const begun = new Map<string, Work & { readonly at: number }>()
    for (const record of records) {
      if (record.kind === "making") {
        const { stage, name, digest, at } = record
        const spent = works.get(digest)?.spent ?? 0
        begun.set(digest, { stage, name, digest, how: "begun", spent, at })
      } else if (record.kind === "stored") {
        const { stage, name, digest, at } = record
        const from = begun.get(digest)
        const before = works.get(digest)
        const how = !record.reused || before?.how === "made" ? "made" : "reused"
        const spent = from === undefined ? (before?.spent ?? 0) : from.spent + (at - from.at)
        works.set(digest, { stage, name, digest, how, spent })
        begun.delete(digest)
      } else if (record.kind === "outdated") {
        for (const { digest, run } of record.artifacts) {
          const work = works.get(digest)
          if (work?.how === "reused") works.set(digest, { ...work, madeBy: run })
        }
      } else if (record.kind === "progress") {
        const { name, digest, done, facts } = record
        progress.set(digest, { name, done, facts })
      }
    }
    const end = records.at(-1)!.at
    for (const { at, ...work } of begun.values()) works.set(work.digest, { ...work, spent: work.spent + (end - at) })
  }
  return {
    starts: starts.flatMap((records, i) => startOf(records, !inUse || i < starts.length - 1)),
    works: [...works.values()],
    progress: [...progress.values()],
    notes: journal.flatMap((record) => (record.kind === "note" ? [record.note] : []))
  }
}
