/** What metrics are called where they are shown. */

/** The columns of a table: metrics and their titles. */
export const columns = [
  ["accuracy", "accuracy"],
  ["macroF1", "macro-F1"],
  ["meanAveragePrecision", "mAP"],
  ["calibrationError", "ECE"]
] as const

/** What a metric is called. */
export const metricTitle = (by: string): string => columns.find(([key]) => key === by)?.[1] ?? by
