/** What the files of a run's folder are called. */

/** The files, by what they hold; their formats are in docs/runs.md. */
export const files = {
  /** What is run, on what, and, once it is finished, with what results. */
  manifest: "manifest.json",
  /** What happened when. */
  journal: "journal.jsonl",
  /** What happened in each training, epoch by epoch. */
  trainings: "trainings.jsonl",
  /** Class probabilities of the test split. */
  predictions: "predictions.safetensors",
  report: "report.html",
  /** How long everything took. */
  spans: "spans.jsonl",
  heads: (outcome: string) => `heads/${outcome}.safetensors`,
  figure: (name: string) => `figures/${name}.vl.json`,
  checkpoint: (work: string) => `checkpoints/${work}.safetensors`
}
