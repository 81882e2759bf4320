/**
 * Data sets as they are published: annotation files and media in a folder of the user's. A loader lists what the
 * annotation files say; here the listing is divided into splits, held to the folder, and becomes a data set with a manifest
 * that says what was read, what was left out, and what its splits share.
 */
import { type IoError, Progress } from "@igm/io"
import type { Preprocess } from "@igm/media"
import { Digest, Keyed, Setting, Split } from "@igm/tensor"
import { Effect, Schema, type FileSystem, type Path } from "effect"
import type { Dataset, Environment, Manifest, Prepared, Sample } from "./Dataset.ts"
import * as Digests from "./Digests.ts"
import { DatasetFaults, type Fault } from "./Errors.ts"
import * as Listing from "./Listing.ts"
import * as Validation from "./Validation.ts"

/** Options of every published data set. */
export interface Options {
  /** The folder of the annotation files and the media, as published. */
  readonly root: string
  /** Decides what is drawn: the validation samples, and those of a `limit`. */
  readonly seed: number
  /** At most so many samples of each split, drawn by the seed. */
  readonly limit?: number | undefined
  /** Leaves out samples whose media are missing, and lists them in the manifest; by default they are an error. */
  readonly skipMissing?: boolean
}

/** A published data set, as its loader describes it. */
export interface Spec<M extends string> {
  readonly name: string
  readonly source: string
  readonly classes: ReadonlyArray<string>
  readonly modalities: { readonly [K in M]: Preprocess }
  /** Reads the annotation files in a folder, in the published splits. */
  readonly list: (root: string) => Effect.Effect<Listing.Listing<M>, never, FileSystem.FileSystem | Path.Path>
  /** Divides the published listing, if it is not used as it is. */
  readonly divide: (rows: ReadonlyArray<Listing.Row<M>>) => ReadonlyArray<Listing.Row<M>>
  /** Every setting, and every accident of the released code that is reproduced. */
  readonly recipe: { readonly [name: string]: Digest.Json }
}

/** A published data set: besides what every data set has, a report of its folder. */
export interface FolderDataset<M extends string> extends Dataset<M> {
  readonly root: string
  /** Holds the folder to the listing, and fails for nothing that it finds. */
  readonly check: Effect.Effect<Validation.Validation<M>, IoError, Environment>
}

/** At most so many rows of each split, by a draw that does not depend on the others. */
const limited = <M extends string>(rows: ReadonlyArray<Listing.Row<M>>, limit: number | undefined, seed: number) => {
  if (limit === undefined) return rows
  const kept = new Set(
    Split.all.flatMap((split) => {
      const own = rows.filter((row) => row.split === split)
      return Array.from(Keyed.permutation(Keyed.stream([seed, "limit", split]), own.length), (i) => own[i]!).slice(
        0,
        limit
      )
    })
  )
  return rows.filter((row) => kept.has(row))
}

/** Moves a share of the training rows of each class to the validation split, one at least, drawn by the seed. */
export const validByClass =
  (share: number, seed: number) =>
  <M extends string>(rows: ReadonlyArray<Listing.Row<M>>): ReadonlyArray<Listing.Row<M>> => {
    const labels = [...new Set(rows.map(({ label }) => label))]
    const moved = new Set(
      labels.flatMap((label) => {
        const own = rows.filter((row) => row.split === "train" && row.label === label)
        const order = Keyed.permutation(Keyed.stream([seed, "valid", label]), own.length)
        return Array.from(order, (i) => own[i]!).slice(
          0,
          own.length < 2 ? 0 : Math.max(1, Math.round(share * own.length))
        )
      })
    )
    return rows.map((row) => (moved.has(row) ? { ...row, split: "valid" } : row))
  }

/**
 * Deals groups anew to the splits, so that no two splits share one: groups are drawn by the seed, and go to test and then to
 * valid until these have their shares of all samples.
 */
export const byGroup =
  (shares: { readonly valid: number; readonly test: number }, seed: number) =>
  <M extends string>(rows: ReadonlyArray<Listing.Row<M>>): ReadonlyArray<Listing.Row<M>> => {
    const groups = [...new Set(rows.map(({ group }) => group))].toSorted()
    const order = Array.from(Keyed.permutation(Keyed.stream([seed, "groups"]), groups.length), (i) => groups[i]!)
    const sizes = new Map<string, number>()
    for (const { group } of rows) sizes.set(group, (sizes.get(group) ?? 0) + 1)
    const splitOf = new Map<string, Split.Split>()
    const dealt = { train: 0, valid: 0, test: 0 }
    for (const group of order) {
      const split = (["test", "valid"] as const).find((one) => dealt[one] < shares[one] * rows.length) ?? "train"
      splitOf.set(group, split)
      dealt[split] += sizes.get(group)!
    }
    return rows.map((row) => ({ ...row, split: splitOf.get(row.group)! }))
  }

/** The values under `compat` in settings, at any depth. */
export const compatIn = (settings: Digest.Json | undefined): ReadonlyArray<string> => {
  if (typeof settings !== "object" || settings === null) return []
  return Object.entries(settings).flatMap(([key, value]) =>
    key === "compat" && Array.isArray(value) ? value.map(String) : compatIn(value)
  )
}

/** The accidents of the released code in the preparation of a data set's modalities, and in what of it is used. */
const compatOf = (
  modalities: { readonly [modality: string]: Preprocess },
  { skipMissing = false }: Options
): ReadonlyArray<string> => [
  ...Object.entries(modalities).flatMap(([modality, { settings }]) =>
    compatIn(settings).map((accident) => `${modality}: ${accident}`)
  ),
  ...(skipMissing ? ["rows whose media are missing are left out"] : [])
]

/** Duplicates that a manifest names; it counts all of them. */
const NAMED = 20

const manifestOf = <M extends string>(
  { name, source, classes, recipe, modalities }: Spec<M>,
  options: Options,
  inspection: Validation.Validation<M>,
  skipped: ReadonlyArray<Fault>
): Manifest => {
  const { root, seed, limit } = options
  const describe = (all: ReadonlyArray<Sample<M>>) => ({
    samples: all.length,
    classes: Object.fromEntries(
      classes.map((word, label) => [word, all.reduce((n, sample) => n + Number(sample.label === label), 0)])
    ),
    groups: [...new Set(all.map(({ group }) => group))].toSorted()
  })
  const { samples } = inspection
  const found = Validation.duplicates(inspection)
  const content = Split.all.map((split) =>
    samples[split].map(({ id, label, group, media }) => [
      id,
      label,
      group,
      ...Object.values<Sample<M>["media"][M]>(media).map(({ digest }) => digest)
    ])
  )
  return {
    name,
    seed,
    // Without the folders above it, which are others on another machine.
    source: `${source}, in ${root.split(/[/\\]/).findLast((name) => name !== "") ?? root}`,
    splits: { train: describe(samples.train), valid: describe(samples.valid), test: describe(samples.test) },
    sharedGroups: Validation.sharedGroups(inspection),
    duplicates: found.slice(0, NAMED),
    compat: compatOf(modalities, options),
    heldOut: [],
    recipe: {
      ...recipe,
      ...(limit === undefined ? {} : { limit }),
      duplicates: found.length,
      skipped: skipped.map(({ path, line, problem }) => [`${path.replace(root, ".")}:${line ?? ""}`, problem])
    },
    digest: Digest.ofJson(content)
  }
}

const Domain = Schema.Struct({ seed: Setting.seed, limit: Schema.optional(Setting.count) })

/** The data set of a specification. Throws a `SettingError` for a seed or limit that is none. */
export const make = <M extends string>(spec: Spec<M>, options: Options): FolderDataset<M> => {
  const { name, classes, modalities } = spec
  const { root, seed, limit, skipMissing = false } = options
  Setting.check(name, Domain, { seed, limit })
  const inspect = Effect.gen(function* () {
    const listing = Listing.distinct(yield* spec.list(root))
    const rows = limited(spec.divide(listing.rows), limit, seed)
    const tell = yield* (yield* Progress).bar(`check ${name}`, rows.length)
    const digests = yield* Digests.open(root)
    const found = yield* Validation.inspect(root, { ...listing, rows }, { digestOf: digests.of, tell })
    yield* digests.save
    return found
  }).pipe(Effect.scoped)
  const prepare = Effect.fn("FolderDataset.prepare")(function* () {
    const inspection = yield* inspect
    const skipped = skipMissing ? inspection.faults.filter((fault) => fault.missing === true) : []
    const faults = inspection.faults.filter((fault) => !skipped.includes(fault))
    const emptied = Split.all.flatMap((split) =>
      inspection.samples[split].length > 0 || faults.length > 0
        ? []
        : [{ path: root, problem: `no sample of ${split} has all its media` }]
    )
    if (faults.length > 0 || emptied.length > 0)
      return yield* new DatasetFaults({ name, faults: [...faults, ...emptied] })
    const prepared: Prepared<M> = {
      samples: (split) => inspection.samples[split],
      manifest: manifestOf(spec, options, inspection, skipped),
      artifacts: []
    }
    return prepared
  })
  return { name, root, classes, modalities, prepare: prepare(), check: inspect }
}
