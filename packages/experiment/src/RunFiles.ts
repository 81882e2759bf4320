/** What the files of a run's folder are called, and how its manifest names files. */
import { type Path, Schema } from "effect"

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

const DIGEST = /^[0-9a-f]{64}$/

/** A SHA-256, lower-case hexadecimal. */
export const Sha256 = Schema.String.check(Schema.isPattern(DIGEST))

/** A file in a run's folder: names joined by slashes, none of which leads out of it. */
export const Inside = Schema.String.check(
  Schema.makeFilter((file: string) =>
    file.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\\0:]/.test(name))
      ? undefined
      : "a path that stays in the run's folder"
  )
)

/**
 * How a manifest names a file from outside of its run. One that lies in the folder that the run and its program have in
 * common is named from the run's folder on, so that both may be moved or copied together; others by their absolute path.
 */
export const placeIn = (path: Path.Path, folder: string, program: string) => {
  const ours = path.resolve(folder).split(path.sep)
  const theirs = path.dirname(path.resolve(program)).split(path.sep)
  const apart = ours.findIndex((name, i) => name !== theirs[i])
  const common = (apart < 0 ? ours : ours.slice(0, apart)).join(path.sep)
  return (file: string): string => {
    const absolute = path.resolve(file)
    const isNear = common !== "" && absolute.startsWith(common + path.sep)
    return isNear ? path.relative(path.resolve(folder), absolute).split(path.sep).join("/") : absolute
  }
}

/** Where a file lies that the manifest of the run in a folder names. */
export const placeOf = (path: Path.Path, folder: string, file: string): string => path.resolve(folder, file)
