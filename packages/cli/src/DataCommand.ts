/**
 * `igm data`: examines the folder of a published data set before an experiment uses it. `check` reports row by row
 * which samples are usable and what is wrong, `stats` reports sizes, durations and the balance of classes, `sample`
 * makes a page with samples to look at and listen to, and `prepare` makes files that have to be made once.
 */
import { type Dataset, DatasetStats, type Fault, faultText, Validation } from "@igm/datasets"
import { SamplePreview } from "@igm/media"
import { AtomicFile, Progress } from "@igm/io"
import { Page, Report, type SampleCard, Terminal } from "@igm/report"
import { Keyed, Split } from "@igm/tensor"
import { Console, Effect, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import { DataUnusable, Positive, SHOWN, asked, firstOf, plural, withDataset } from "./DataFolder.ts"
import { prepare } from "./DataPrepare.ts"
import * as DataSets from "./DataSets.ts"
import * as RunFlags from "./RunFlags.ts"

/** Groups faults by kind and counts them: messages that are equal except for names and numbers are one kind. */
const kindsOf = (faults: ReadonlyArray<Fault>): ReadonlyArray<readonly [string, number]> => {
  const kinds = new Map<string, number>()
  for (const { column, problem, missing } of faults) {
    const kind = `${column === undefined ? "" : `${column}: `}${missing === true ? "missing" : problem.replaceAll(/"[^"]*"|\S*[/\d]\S*/g, "…")}`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].toSorted(([, a], [, b]) => b - a)
}

const checkText = (
  folder: string,
  classes: ReadonlyArray<string>,
  inspection: Validation.Validation<string>,
  faults: ReadonlyArray<Fault>
): string => {
  const { samples, rows } = inspection
  const used = Split.all.map((split) => {
    const all = samples[split]
    const empty = classes.filter((_, label) => all.every((sample) => sample.label !== label))
    const lacking =
      empty.length === 0 ? "" : `; none of ${empty.slice(0, 5).join(", ")}${empty.length > 5 ? ", …" : ""}`
    return `${split} ${all.length} in ${plural(new Set(all.map(({ group }) => group)).size, "group")}${lacking}`
  })
  const shared = Validation.sharedGroups(inspection)
  const duplicates = Validation.duplicates(inspection)
  const told = (list: ReadonlyArray<string>) => list.slice(0, SHOWN).join(", ") + (list.length > SHOWN ? ", …" : "")
  return [
    folder,
    `rows        ${rows} listed; ${plural(faults.length, "fault")}`,
    ...used.map((line, i) => `${i === 0 ? "used" : "    "}        ${line}`),
    `leakage     ${shared.length === 0 ? "no group is in two splits" : `${plural(shared.length, "group")} in two splits or more: ${told(shared)}`}`,
    `            ${duplicates.length === 0 ? "no medium or text is in two splits" : `${plural(duplicates.length, "medium")} or text in two splits or more: ${told(duplicates.map(({ modality, ids }) => `${modality} of ${ids.join(" and ")}`))}`}`,
    ...kindsOf(faults).map(([kind, count], i) => `${i === 0 ? "faults" : "      "}      ${count} × ${kind}`),
    ...(faults.length === 0 ? [] : ["", ...firstOf(faults.map(faultText))]),
    "",
    faults.length === 0 ? "usable" : "not usable as it is"
  ].join("\n")
}

const check = Command.make(
  "check",
  {
    ...asked,
    decode: Flag.Boolean("decode").pipe(
      Flag.withDescription("Prepare every sample as well, which finds damage inside of what is used of its media"),
      Flag.withDefault(false)
    ),
    json: RunFlags.json
  },
  Effect.fn("igm.data.check")(function* (given) {
    const { decode, json } = given
    yield* withDataset(
      given,
      Effect.fnUntraced(function* (dataset) {
        const { classes, modalities, root } = dataset
        const inspection = yield* dataset.check
        const total = Split.all.reduce((count, split) => count + inspection.samples[split].length, 0)
        const tried = Effect.gen(function* () {
          const tell = yield* (yield* Progress).bar("prepare samples", total)
          return yield* Validation.undecodable(inspection, modalities, tell)
        })
        const inside = decode ? yield* Effect.scoped(tried) : []
        const faults = [...inspection.faults, ...inside]
        const isWhole = ({ at }: Dataset.Sample<string>) =>
          inside.every(({ path, line }) => path !== at?.path || line !== at.line)
        const of = (split: Split.Split) => inspection.samples[split].filter(isWhole)
        const used = { train: of("train"), valid: of("valid"), test: of("test") }
        const found = { ...inspection, samples: used }
        const row = ({ id, label, group, at }: Dataset.Sample<string>) => ({ id, class: classes[label], group, ...at })
        const everything = {
          folder: root,
          usable: faults.length === 0,
          rows: inspection.rows,
          used: Object.fromEntries(Split.all.map((split) => [split, used[split].map(row)])),
          sharedGroups: Validation.sharedGroups(found),
          duplicates: Validation.duplicates(found),
          faults
        }
        yield* Console.log(json ? JSON.stringify(everything, null, 2) : checkText(root, classes, found, faults))
        if (faults.length > 0) return yield* new DataUnusable({ folder: root, faults: faults.length })
      }, Effect.scoped)
    )
  })
).pipe(Command.withDescription("Tell what of a folder would be used, and everything that is wrong with it"))

/** Reports on standard error what a figure or page leaves out. */
const leftOut = (name: string, faults: ReadonlyArray<Fault>) =>
  faults.length === 0
    ? Effect.void
    : Console.error(
        `igm: rows with faults, of which there are ${faults.length}, are left out: igm data check ${name} tells all`
      )

const BLOCKS = "▁▂▃▄▅▆▇█"

/** Formats a histogram as a line of block characters. */
const sparkline = (bins: ReadonlyArray<number>): string => {
  const most = Math.max(...bins)
  return bins.map((n) => (n === 0 ? " " : BLOCKS[Math.min(7, Math.floor((8 * n) / most))]!)).join("")
}

const number = (x: number): string => (Number.isInteger(x) ? String(x) : x.toPrecision(3))

const stats = Command.make(
  "stats",
  { ...asked, json: RunFlags.json },
  Effect.fn("igm.data.stats")(function* (given) {
    yield* withDataset(
      given,
      Effect.fnUntraced(function* (dataset) {
        const { samples, faults } = yield* dataset.check
        yield* leftOut(given.name, faults)
        const all = Split.all.flatMap((split) => samples[split])
        const measured = yield* Effect.gen(function* () {
          const tell = yield* (yield* Progress).bar("measure samples", all.length)
          return yield* Effect.forEach(Object.keys(dataset.modalities), (modality) =>
            Effect.forEach(
              all,
              ({ media }) =>
                Effect.tap(Effect.option(DatasetStats.of(media[modality]!)), tell(1 / Object.keys(media).length)),
              { concurrency: 8 }
            ).pipe(
              Effect.map((found) => {
                const good = found.flatMap((one) => (one._tag === "Some" ? [one.value] : []))
                return [modality, { unread: found.length - good.length, ...DatasetStats.distributions(good) }] as const
              })
            )
          )
        }).pipe(Effect.scoped)
        const counts = dataset.classes.map((name, label) => {
          const of = (split: Split.Split) => samples[split].filter((sample) => sample.label === label).length
          return { name, train: of("train"), valid: of("valid"), test: of("test") }
        })
        if (given.json) {
          return yield* Console.log(
            JSON.stringify({ classes: counts, measures: Object.fromEntries(measured) }, null, 2)
          )
        }
        const most = Math.max(1, ...counts.map(({ train }) => train))
        const rows = counts.map(({ name, train, valid, test }) => [
          name,
          String(train),
          String(valid),
          String(test),
          "█".repeat(Math.round((20 * train) / most))
        ])
        const measures = measured.flatMap(([modality, { unread, ...of }]) => [
          ...Object.entries(of as { readonly [measure: string]: DatasetStats.Distribution }).map(
            ([measure, { least, median, most, bins }]) => [
              modality,
              measure,
              number(least),
              number(median),
              number(most),
              sparkline(bins)
            ]
          ),
          ...(unread === 0 ? [] : [[modality, "not readable", "", "", String(unread), ""]])
        ])
        yield* Console.log(
          [
            ...Terminal.aligned([["class", "train", "valid", "test", ""], ...rows]),
            "",
            ...Terminal.aligned([["", "", "least", "median", "most", "from least to most"], ...measures])
          ].join("\n")
        )
      }, Effect.scoped)
    )
  })
).pipe(Command.withDescription("Count a folder's classes, and measure durations, sizes and lengths"))

/** A sample to show. */
interface Example {
  readonly id: string
  readonly group: string
  readonly split: string
  readonly class: string
  readonly media: { readonly [modality: string]: SampleCard["media"][number]["media"] }
}

const cardOf = ({ id, group, split, class: label, media }: Example): SampleCard => ({
  title: id,
  subtitle: [split, ...(group === id ? [] : [group])].join(" · "),
  media: Object.entries(media).map(([modality, media]) => ({
    alt: media.kind === "fault" ? modality : `${modality} of ${label}`,
    media
  })),
  bars: []
})

/** A section for each class that has samples. */
const sectionsOf = (samples: ReadonlyArray<Example>) =>
  [...Map.groupBy(samples, (one) => one.class)].map(([label, own]) => Report.cards(label, own.map(cardOf)))

const sample = Command.make(
  "sample",
  {
    ...asked,
    to: Flag.String("to").pipe(Flag.withDescription("The page; by default samples.html in --out"), Flag.optional),
    count: Flag.Int("count").pipe(
      Flag.withDescription("Samples of each class"),
      Flag.withSchema(Positive),
      Flag.withDefault(2)
    )
  },
  Effect.fn("igm.data.sample")(function* (given) {
    const path = yield* Path.Path
    yield* withDataset(
      given,
      Effect.fnUntraced(function* ({ name, classes, modalities, root, check }) {
        const { samples, rows, faults } = yield* check
        yield* leftOut(given.name, faults)
        const all = Split.all.flatMap((split) => samples[split].map((one) => ({ split, ...one })))
        const chosen = classes.flatMap((_, label) => {
          const own = all.filter((one) => one.label === label)
          const order = Keyed.permutation(Keyed.stream([given.seed, "sample", label]), own.length)
          return Array.from(order.slice(0, given.count), (i) => own[i]!)
        })
        const shown = yield* Effect.forEach(chosen, ({ id, group, split, label, media }) =>
          Effect.forEach(Object.entries(media), ([modality, source]) =>
            SamplePreview.of(source, modalities[modality]!).pipe(
              Effect.catch(({ message }) => Effect.succeed({ kind: "fault", problem: message } as const)),
              Effect.map((one) => [modality, one] as const)
            )
          ).pipe(Effect.map((of) => ({ id, group, split, class: classes[label]!, media: Object.fromEntries(of) })))
        )
        const facts = [
          ["folder", root],
          ["rows", rows],
          ["faults", faults.length],
          ...Split.all.map((split) => [split, `${samples[split].length} samples`])
        ] as const
        const report = Report.make(name, [Report.table("Data", ["", ""], facts), ...sectionsOf(shown)])
        const to = Option.getOrElse(given.to, () => path.join(given.out, "samples.html"))
        yield* AtomicFile.write(to, new TextEncoder().encode(yield* Page.html(report)))
        yield* Console.log(`${plural(shown.length, "sample")} of ${plural(classes.length, "class")}: ${to}`)
      }, Effect.scoped)
    )
  })
).pipe(Command.withDescription("Make a page of samples to look at and to listen to"))

const list = Command.make(
  "list",
  { json: RunFlags.json },
  Effect.fn("igm.data.list")(function* ({ json }) {
    const all = Object.entries(DataSets.entries).map(([name, { title, where, licence }]) => ({
      name,
      title,
      where,
      licence
    }))
    const rows = all.map(({ name, title, where, licence }) => [name, title, licence, where])
    yield* Console.log(
      json
        ? JSON.stringify(all, null, 2)
        : Terminal.aligned([["name", "", "licence", "where to get it"], ...rows]).join("\n")
    )
  })
).pipe(Command.withDescription("List the published data sets, and where to get them"))

/** The commands. */
export const commands = [list, prepare, check, stats, sample] as const
