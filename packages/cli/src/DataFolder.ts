/** The data set folder that a command of `igm data` works on, and the command's verdict about it. */
import type { FolderDataset } from "@igm/datasets"
import { Runs } from "@igm/experiment"
import { ArtifactStore } from "@igm/io"
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import * as DataSets from "./DataSets.ts"
import { ProgramError } from "./ProgramError.ts"
import * as RunFlags from "./RunFlags.ts"

/** The error of a folder that cannot be used as it is. */
export class DataUnusable extends Schema.TaggedError<DataUnusable>()("DataUnusable", {
  folder: Schema.String,
  faults: Schema.Int
}) {
  override get message(): string {
    return `${this.folder}: not usable as it is: ${this.faults} ${this.faults === 1 ? "fault" : "faults"}`
  }
}

/** The schema of seeds. */
const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** The schema of counts. */
export const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** The arguments and flags of every command that reads a data set. */
export const asked = {
  name: Argument.Literals("name", Object.keys(DataSets.entries)).pipe(
    Argument.withDescription("The data set; igm data list names them")
  ),
  data: Flag.String("data").pipe(Flag.withDescription("Its folder, as it is published")),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("Decides what is drawn"),
    Flag.withSchema(Natural),
    Flag.withDefault(1)
  ),
  limit: Flag.Int("limit").pipe(
    Flag.withDescription("At most so many samples of each split"),
    Flag.withSchema(Positive),
    Flag.optional
  ),
  split: Flag.Literals("split", ["published", "independent"]).pipe(
    Flag.withDescription("The published split, or one whose parts share no actor, video or subject"),
    Flag.withDefault("published" as const)
  ),
  vocabulary: Flag.String("vocabulary").pipe(
    Flag.withDescription("A BERT's vocab.txt or tokenizer.json, to try texts with"),
    Flag.optional
  ),
  lists: Flag.String("lists").pipe(
    Flag.withDescription("The names of its lists in the folder, TRAIN,TEST, where they are not the published ones"),
    Flag.withSchema(Schema.String.check(Schema.isPattern(/^[^,]+,[^,]+$/))),
    Flag.optional
  ),
  out: RunFlags.out
}

type Asked = {
  readonly name: string
  readonly data: string
  readonly seed: number
  readonly limit: Option.Option<number>
  readonly split: "published" | "independent"
  readonly vocabulary: Option.Option<string>
  readonly lists: Option.Option<string>
  readonly out: string
}

/** Checks that the folder exists. */
export const folderOf = Effect.fnUntraced(function* (data: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const root = path.resolve(data)
  if (yield* Effect.orElseSucceed(fs.exists(root), () => false)) return root
  const problem = "this folder does not exist; igm data list says where to get it"
  return yield* new ProgramError({ path: root, problem })
})

/** The data set of a name. */
export const entryOf = (name: string): Effect.Effect<DataSets.Entry, ProgramError> => {
  const entry = DataSets.entries[name]
  if (entry !== undefined) return Effect.succeed(entry)
  const problem = `there is no data set of this name, but ${Object.keys(DataSets.entries).join(", ")}`
  return Effect.fail(new ProgramError({ path: name, problem }))
}

/** Gives a function the requested data set, with the store that caches its digests. */
export const withDataset = <A, E, R>(
  { name, data, seed, limit, split, vocabulary, lists, out }: Asked,
  use: (dataset: FolderDataset.FolderDataset<string>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const root = yield* folderOf(data)
    const entry = yield* entryOf(name)
    const [train, test] = Option.match(lists, { onNone: () => [], onSome: (names) => names.split(",") })
    const given = {
      root,
      seed,
      split,
      limit: Option.getOrUndefined(limit),
      vocabulary: Option.getOrUndefined(vocabulary),
      lists: train === undefined || test === undefined ? undefined : { train, test }
    }
    return yield* Effect.flatMap(entry.make(given), use).pipe(
      Effect.provide(ArtifactStore.layer(path.join(out, Runs.STORE)))
    )
  })

/** A count with its noun, in the plural if needed. */
export const plural = (count: number, one: string): string =>
  `${count} ${one}${count === 1 ? "" : one.endsWith("s") ? "es" : "s"}`

/** The maximal number of items that are printed of a long list. */
export const SHOWN = 10

/** The first items of a list of faults, and the number of the remaining ones. */
export const firstOf = (faults: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...faults.slice(0, SHOWN).map((fault) => `  ${fault}`),
  ...(faults.length > SHOWN ? [`  and ${faults.length - SHOWN} more: --json lists all`] : [])
]
