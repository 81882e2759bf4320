/** What the files of a run's folder are called, and how its manifest names files. */
import { Effect, FileSystem, Path, Schema } from "effect"

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

/** A text of one line without control characters, which may be printed as it is. */
export const Line = Schema.String.check(
  Schema.makeFilter((text: string) =>
    /\p{Cc}/u.test(text) ? "a text without line breaks and control characters" : undefined
  )
)

/** A file in a run's folder: names joined by slashes, none of which leads out of it. */
export const Inside = Schema.String.check(
  Schema.makeFilter((file: string) =>
    file.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\\0:]/.test(name))
      ? undefined
      : "a path that stays in the run's folder"
  )
)

/** A path without links, as far as it exists. */
const realOf = (path: Path.Path, file: string): Effect.Effect<string, never, FileSystem.FileSystem> =>
  FileSystem.FileSystem.use((fs) => fs.realPath(file)).pipe(
    Effect.catch(() =>
      path.dirname(file) === file
        ? Effect.succeed(file)
        : Effect.map(realOf(path, path.dirname(file)), (above) => path.join(above, path.basename(file)))
    )
  )

/** The uppermost folder above a file that is a project, as its package.json says; the file's own folder if none is. */
const projectOf = Effect.fnUntraced(function* (path: Path.Path, file: string) {
  const fs = yield* FileSystem.FileSystem
  let found = path.dirname(file)
  for (let at = found; path.dirname(at) !== at; at = path.dirname(at)) {
    if (yield* Effect.orElseSucceed(fs.exists(path.join(at, "package.json")), () => false)) found = at
  }
  return found
})

/**
 * How a manifest names a file from outside of its run. One that lies in the program's project, where the run lies in it too,
 * or else in the folder that run and program have in common, is named from the run's folder on, so that all of it may be moved
 * or copied together; others by their absolute path.
 */
export const placeIn = Effect.fn("RunFiles.placeIn")(function* (folder: string, program: string) {
  const path = yield* Path.Path
  const [own, theirs] = [yield* realOf(path, path.resolve(folder)), yield* realOf(path, path.resolve(program))]
  const project = yield* projectOf(path, theirs)
  const isIn = (file: string, root: string) => file.startsWith(root + path.sep)
  const [ours, others] = [own, path.dirname(theirs)].map((one) => one.split(path.sep))
  const apart = ours!.findIndex((name, i) => name !== others![i])
  const common = (apart < 0 ? ours! : ours!.slice(0, apart)).join(path.sep)
  const root = isIn(own, project) ? project : common
  return (file: string): string => {
    const absolute = path.resolve(file)
    const isNear = root !== "" && isIn(absolute, root)
    return isNear ? path.relative(own, absolute).split(path.sep).join("/") : absolute
  }
})

/** The path of a file that the manifest of the run in a folder, whose own path has no links, names. */
export const placeOf = (path: Path.Path, folder: string, file: string): string => path.resolve(folder, file)

/** The files from outside that a manifest names. */
export const outside = (manifest: {
  readonly program: { readonly path: string }
  readonly modules: ReadonlyArray<{ readonly path: string }>
  readonly inputs: ReadonlyArray<{ readonly path: string }>
}): ReadonlyArray<string> => [manifest.program, ...manifest.modules, ...manifest.inputs].map(({ path }) => path)
