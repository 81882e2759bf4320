/**
 * The rows of a data set's annotation files: samples with the media that each should have, and the faults of rows.
 * Reading a listing opens no media. Nothing is left out silently: a row is a sample or a fault.
 */
import { systemSaid } from "@igm/io"
import type { Split } from "@igm/tensor"
import { CsvError, parse } from "csv-parse/sync"
import { Effect, FileSystem, Path } from "effect"
import type { Fault } from "./Errors.ts"

/** The media that a sample should have of a modality; paths are relative to the data set's folder. */
export type Wanted =
  /** A file, or a range of a film's frames. */
  | { readonly kind: "file"; readonly path: string; readonly frames?: readonly [from: number, to: number] }
  /** The first `count` pictures of a folder that has at least `least`, in the order of their names. */
  | { readonly kind: "pictures"; readonly path: string; readonly count: number; readonly least: number }
  | { readonly kind: "text"; readonly text: string }

/** The place of a row. */
export interface At {
  readonly path: string
  readonly line: number
}

/** A row that is a sample. */
export interface Row<M extends string> {
  readonly id: string
  readonly split: Split.Split
  readonly label: number
  readonly group: string
  readonly wanted: { readonly [K in M]: Wanted }
  readonly at: At
}

/** The samples of annotation files, and what is wrong with the other rows. */
export interface Listing<M extends string> {
  readonly rows: ReadonlyArray<Row<M>>
  readonly faults: ReadonlyArray<Fault>
}

/** The cells of a line of an annotation file. */
export interface Line {
  readonly at: At
  readonly cells: ReadonlyArray<string>
}

/** Listings one after another. */
export const together = <M extends string>(listings: ReadonlyArray<Listing<M>>): Listing<M> => ({
  rows: listings.flatMap(({ rows }) => rows),
  faults: listings.flatMap(({ faults }) => faults)
})

/** A listing whose ids occur once: a row whose id is an earlier one's, of the same split or of another, is a fault. */
export const distinct = <M extends string>({ rows, faults }: Listing<M>): Listing<M> => {
  const first = new Map<string, Row<M>>()
  const again: Array<Fault> = []
  for (const row of rows) {
    const other = first.get(row.id)
    if (other === undefined) first.set(row.id, row)
    else {
      const both = other.split === row.split ? "it is listed twice" : `it is in ${row.split} and in ${other.split}`
      const problem = `${row.id}: ${both}, first at ${other.at.path}:${other.at.line}`
      again.push({ ...row.at, column: "id", problem })
    }
  }
  return { rows: [...first.values()], faults: [...faults, ...again] }
}

/** A listing of lines, each of which becomes a sample, faults of the row, or nothing. */
export const ofLines = <M extends string>(
  { lines, faults }: { readonly lines: ReadonlyArray<Line>; readonly faults: ReadonlyArray<Fault> },
  read: (line: Line, fault: (column: string, problem: string) => Fault) => Row<M> | ReadonlyArray<Fault>
): Listing<M> => {
  const found = lines.map((line) => read(line, (column, problem) => ({ ...line.at, column, problem })))
  const isFaults = (one: (typeof found)[number]): one is ReadonlyArray<Fault> => Array.isArray(one)
  return {
    rows: found.flatMap((one) => (isFaults(one) ? [] : [one])),
    faults: [...faults, ...found.filter(isFaults).flat()]
  }
}

/** The names of a data set's lists, in its folder. */
export interface Lists {
  readonly train: string
  readonly test: string
}

const HOW = "which are read is said by `lists` of the loader, or by --lists TRAIN,TEST of igm data"

/** The lists in a folder that are asked for by name, or else those of the published names that are there; or a fault. */
const find = Effect.fnUntraced(function* (root: string, published: ReadonlyArray<Lists>, asked: Lists | undefined) {
  if (asked !== undefined) return asked
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const isThere = (name: string) => Effect.orElseSucceed(fs.exists(path.join(root, name)), () => false)
  const found = yield* Effect.forEach(published, (lists) =>
    Effect.map(Effect.filter([lists.train, lists.test], isThere), (names) => ({ lists, names }))
  )
  const [only, ...others] = found.filter(({ names }) => names.length > 0)
  if (only === undefined) {
    const names = published.map(({ train, test }) => `${train} and ${test}`).join(", or ")
    return { path: root, problem: `its lists are missing, ${names}: ${HOW}` }
  }
  if (others.length === 0) return only.lists
  const names = [only, ...others].flatMap(({ names }) => names).join(" and ")
  return { path: root, problem: `it has lists of several names, ${names}: ${HOW}` }
})

/** Reads the training and the test list of a data set, which may have any of its published names. */
export const ofLists = Effect.fnUntraced(function* <M extends string, R>(
  root: string,
  published: ReadonlyArray<Lists>,
  asked: Lists | undefined,
  read: (split: "train" | "test", file: string) => Effect.Effect<Listing<M>, never, R>
): Effect.fn.Return<Listing<M>, never, R | FileSystem.FileSystem | Path.Path> {
  const path = yield* Path.Path
  const lists = yield* find(root, published, asked)
  if ("problem" in lists) return { rows: [], faults: [lists] }
  return together(
    yield* Effect.forEach(["train", "test"] as const, (split) => read(split, path.resolve(root, lists[split])))
  )
})

/** The text of an annotation file, without a byte-order mark; what cannot be read is a fault. */
export const text = Effect.fn("Listing.text")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFile(path).pipe(
    Effect.mapError((cause) =>
      cause.reason._tag === "NotFound"
        ? "this file of annotations is missing"
        : `this file cannot be read: ${systemSaid(cause) ?? cause.message}`
    ),
    Effect.flatMap((bytes) =>
      Effect.try({
        try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
        catch: () => "this is not a text in UTF-8"
      })
    ),
    Effect.match({
      onFailure: (problem) => ({ text: "", faults: [{ path, problem }] as ReadonlyArray<Fault> }),
      onSuccess: (text) => ({ text, faults: text.trim() === "" ? [{ path, problem: "it has no rows" }] : [] })
    })
  )
})

/** The lines of a text in cells. Lines end in a line feed, with or without a carriage return; empty ones are none. */
export const cells = (
  path: string,
  text: string,
  { delimiter, quotes }: { readonly delimiter: string; readonly quotes: boolean }
): { readonly lines: ReadonlyArray<Line>; readonly faults: ReadonlyArray<Fault> } => {
  try {
    const records = parse(text, {
      delimiter,
      quote: quotes ? '"' : null,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      skip_empty_lines: true,
      info: true
    }) as unknown as ReadonlyArray<{
      readonly record: ReadonlyArray<string>
      readonly info: { readonly lines: number }
    }>
    return { lines: records.map(({ record, info }) => ({ at: { path, line: info.lines }, cells: record })), faults: [] }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause
    const line = typeof cause["lines"] === "number" ? cause["lines"] : 1
    return { lines: [], faults: [{ path, line, problem: `this line is not in cells: ${cause.message}` }] }
  }
}

/** Describes the problem of a line with a wrong number of cells, if it has one. */
export const countFault = ({ cells }: Line, wanted: string, count: number): string | undefined =>
  cells.length === count ? undefined : `${cells.length} cells, where ${wanted} are ${count}`
