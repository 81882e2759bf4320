/** The result as text for a terminal: the table, the comparisons in words, and the rules they hold under. */
import type { Metric } from "@igm/gradient"
import * as Choice from "./Choice.ts"
import { columns } from "./Metrics.ts"
import type { Report } from "./Report.ts"
import { compare, scope, summary, verdict } from "./Statistics.ts"

/** "0.812 ± 0.004", or "0.812" for one number. */
export const meanAndDeviation = (numbers: ReadonlyArray<number>): string => {
  const { mean, deviation } = summary(numbers)
  return deviation === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`
}

/** What the table is made from: each method's metrics by seed, and the cross-validation that chose their settings. */
export interface Results extends Pick<Report, "choice"> {
  readonly methods: ReadonlyArray<{ readonly name: string; readonly trainings: ReadonlyArray<Metric.Metrics> }>
}

/** The rows of the table as text: the name, and each metric's mean and standard deviation over the seeds. */
export const rows = ({ methods }: Pick<Results, "methods">): ReadonlyArray<ReadonlyArray<string>> => [
  ["", ...columns.map(([, title]) => title)],
  ...methods.map(({ name, trainings }) => [
    name,
    ...columns.map(([key]) => meanAndDeviation(trainings.map((training) => training[key])))
  ])
]

/** Lines of a table: its columns aligned, and a rule below the first row. */
export const aligned = (cells: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = cells[0]!.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)))
  const lines = cells.map((row) =>
    row
      .map((cell, c) => cell.padEnd(widths[c]!))
      .join("   ")
      .trimEnd()
  )
  return [lines[0]!, "─".repeat(widths.reduce((total, width) => total + width + 3, -3)), ...lines.slice(1)]
}

const choice = ({ choice }: Results): ReadonlyArray<string> =>
  choice === undefined
    ? []
    : [
        Choice.title(choice),
        "",
        ...aligned(Choice.rows(choice)),
        "",
        ...[...Choice.verdict(choice), ...Choice.scope(choice)].map((line) => `  ${line}`),
        ""
      ]

/** The table of the results, below that of the cross-validation if there was one. */
export const results = (results: Results): ReadonlyArray<string> => {
  const seeds = results.methods[0]?.trainings.length ?? 0
  const spread = seeds > 1 ? `mean ± standard deviation over ${seeds} seeds` : "one seed"
  return [...choice(results), `Test results (${spread})`, "", ...aligned(rows(results))]
}

/** The whole result for a terminal. */
export const text = (report: Report): string =>
  [
    ...results(report),
    "",
    "Paired comparisons:",
    ...compare(report).map((comparison) => `  ${verdict(comparison)}`),
    "",
    "Protocol:",
    `  ${scope}`,
    ...report.protocol.map((line) => `  ${line}`)
  ].join("\n")
