/**
 * Reports: a title and sections. A report is plain JSON: typed data, which a replay compares, and the drawings made of them.
 *
 *     Report.make("CREMA-D", [Report.leaderboard(scores), Report.paired(scores), Report.json("norms", norms)])
 */
import { Effect, Schema } from "effect"
import type { Chart } from "./Block.ts"
import { ReportError } from "./ReportError.ts"
import { Section, keyOf } from "./Section.ts"

export { chart, facts, json, picture, settings, table, text } from "./sections/Basic.ts"
export { confusion } from "./sections/Confusion.ts"
export { contrasts } from "./sections/Contrasts.ts"
export { criticalDifference } from "./sections/CriticalDifference.ts"
export { curves } from "./sections/Curves.ts"
export { duplicates, splits } from "./sections/Data.ts"
export { headline } from "./sections/Headline.ts"
export { intervals } from "./sections/Intervals.ts"
export { leaderboard } from "./sections/Leaderboard.ts"
export { comparisons, differences, paired } from "./sections/Paired.ts"
export { reliability } from "./sections/Reliability.ts"
export { cards, samples } from "./sections/Samples.ts"
export { sensitivity } from "./sections/Sensitivity.ts"
export { methods, notes, protocol, run } from "./sections/Texts.ts"
export { trials, tuning } from "./sections/Tuning.ts"

/** A section whose kind and title another one before it has, in words. */
const clash = (sections: ReadonlyArray<Section>): string | undefined => {
  const keys = sections.map(keyOf)
  const twice = keys.find((key, i) => keys.indexOf(key) < i)
  return twice === undefined ? undefined : `sections of different titles: there are two of "${twice}"`
}

/** A report as `report.json` holds it. */
export const Report = Schema.Struct({
  title: Section.fields.title,
  sections: Schema.Array(Section).check(Schema.makeFilter(clash))
})

/** A report. */
export type Report = typeof Report.Type

const AT = "the report"

/** A report. Throws a `ReportError` for an empty title or one of several lines, or two sections of one kind and title. */
export const make = (title: string, sections: ReadonlyArray<Section>): Report => {
  if (typeof title !== "string" || title.trim() === "") throw new ReportError({ at: AT, problem: "its title is empty" })
  if (/\p{Cc}/u.test(title)) {
    throw new ReportError({ at: AT, problem: "its title has a line break or another control character" })
  }
  const problem = clash(sections)
  if (problem !== undefined) throw new ReportError({ at: AT, problem: `it has to have ${problem}` })
  return { title, sections }
}

/**
 * The report's charts by name, for the run's `figures/`. Of equal names, whatever the case of their letters, the second has a
 * 2 behind it, and so on.
 */
export const charts = ({ sections }: Pick<Report, "sections">): { readonly [name: string]: Chart["spec"] } => {
  const all: Record<string, Chart["spec"]> = {}
  const taken = new Set<string>()
  for (const block of sections.flatMap(({ view }) => view)) {
    if (block.kind !== "chart") continue
    let name = block.name
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${block.name}-${n}`
    taken.add(name.toLowerCase())
    all[name] = block.spec
  }
  return all
}

/** The data that a replay compares: those of all sections but those about the surroundings. */
export const data = ({ title, sections }: Report): Schema.Json => ({
  title,
  sections: sections
    .filter(({ surroundings }) => surroundings !== true)
    .map(({ kind, title, data }) => ({ kind, title, data }))
})

/** The text of `report.json`; the same report is the same text. */
export const encode = (report: Report): string => `${JSON.stringify(report)}\n`

/** Reads a report; fails with a `ReportError` on a text that is none. */
export const decode = Effect.fn("Report.decode")((text: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(Report))(text).pipe(
    Effect.mapError((cause) => new ReportError({ at: AT, problem: `this is no report: ${cause.message}` }))
  )
)
