/** The result as text for a terminal: the table, the comparisons in words, and the rules they hold under. */
import * as Choice from "./Choice.ts"
import type { Report } from "./Report.ts"
import { compare, scope, summary, verdict } from "./Statistics.ts"

const columns = [
  ["accuracy", "accuracy"],
  ["macroF1", "macro-F1"],
  ["meanAveragePrecision", "mAP"],
  ["calibrationError", "ECE"]
] as const

/** "0.812 ± 0.004", or "0.812" for one number. */
export const meanAndDeviation = (numbers: ReadonlyArray<number>): string => {
  const { mean, deviation } = summary(numbers)
  return deviation === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`
}

/** The rows of the table as text: the name, and each metric's mean and standard deviation over the seeds. */
export const rows = ({ methods }: Pick<Report, "methods">): ReadonlyArray<ReadonlyArray<string>> => [
  ["", ...columns.map(([, title]) => title)],
  ...methods.map(({ name, trainings }) => [
    name,
    ...columns.map(([key]) => meanAndDeviation(trainings.map((training) => training[key])))
  ])
]

const aligned = (cells: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = cells[0]!.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)))
  const lines = cells.map((row) =>
    row
      .map((cell, c) => cell.padEnd(widths[c]!))
      .join("   ")
      .trimEnd()
  )
  return [lines[0]!, "─".repeat(widths.reduce((total, width) => total + width + 3, -3)), ...lines.slice(1)]
}

const choice = ({ choice }: Report): ReadonlyArray<string> =>
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

/** The whole result for a terminal. */
export const text = (report: Report): string => {
  const seeds = report.methods[0].trainings.length
  const spread = seeds > 1 ? `mean ± standard deviation over ${seeds} seeds` : "one seed"
  return [
    ...choice(report),
    `Test results (${spread})`,
    "",
    ...aligned(rows(report)),
    "",
    "Paired comparisons:",
    ...compare(report).map((comparison) => `  ${verdict(comparison)}`),
    "",
    "Protocol:",
    `  ${scope}`,
    ...report.protocol.map((line) => `  ${line}`)
  ].join("\n")
}
