/** Reports by sections: typed data and their drawings, as one self-contained HTML page and as text for a terminal. */
export * as Block from "./Block.ts"
export * as Chart from "./draw/Chart.ts"
export * as Page from "./draw/Page.ts"
export * as Png from "./draw/Png.ts"
export * as Terminal from "./draw/Terminal.ts"
export * as IgmReport from "./igm/index.ts"
export * as Media from "./Media.ts"
export * as Report from "./Report.ts"
export { ReportError } from "./ReportError.ts"
export * as Section from "./Section.ts"
export type { CurveEpoch } from "./sections/Curves.ts"
export type { Duplicates, SplitSize } from "./sections/Data.ts"
export * as Leaderboard from "./sections/Leaderboard.ts"
export type { SampleCard, SampleView } from "./sections/Samples.ts"
export {
  type MethodScores,
  type Scores,
  type TrainingScores,
  metricTitle,
  selectors,
  trainingScores
} from "./sections/Scores.ts"
export * as Tuning from "./sections/Tuning.ts"
export * as TuningWords from "./sections/TuningWords.ts"
export * as Statistics from "./statistics/index.ts"
