/** Reports: tables, statistics, figures, and one self-contained HTML page. */
export * as Choice from "./Choice.ts"
export * as Figures from "./Figures.ts"
export * as Html from "./Html.ts"
export * as Png from "./Png.ts"
export type { Epoch, MethodResult, Report, SampleView, StageModification, TrainingResult } from "./Report.ts"
export * as SamplesPage from "./SamplesPage.ts"
export * as Statistics from "./Statistics.ts"
export * as Table from "./Table.ts"
