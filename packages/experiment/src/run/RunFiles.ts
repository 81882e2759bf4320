/** The names of the files in a run's folder, and the names that its manifest uses for other files. */
import { Effect, FileSystem, Path, Schema } from "effect"

/** The files of every run, by their content; their formats are described in docs/runs.md. */
export const files = {
  /** The manifest: program, arguments and environment, and, once the run is finished, its results. */
  manifest: "manifest.json",
  /** The journal: a log of timed events. */
  journal: "journal.jsonl",
  /** The report: its data, and the page with figures. */
  reportData: "report.json",
  report: "report.html",
  /** The durations of all spans. */
  spans: "spans.jsonl",
  figure: (name: string) => `figures/${name}.vl.json`,
  checkpoint: (work: string) => `checkpoints/${work}.safetensors`
}

const DIGEST = /^[0-9a-f]{64}$/

/** A SHA-256 in lower-case hexadecimal. */
export const Sha256 = Schema.String.check(Schema.isPattern(DIGEST))

/** A single line of text without control characters, which is safe to print. */
export const Line = Schema.String.check(
  Schema.makeFilter((text: string) =>
    /\p{Cc}/u.test(text) ? "a text without line breaks and control characters" : undefined
  )
)

/** The name of a file in a run's folder: path segments joined by slashes, which do not lead out of it. */
export const Inside = Schema.String.check(
  Schema.makeFilter((file: string) =>
    file.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\\0:]/.test(name))
      ? undefined
      : "a path that stays in the run's folder"
  )
)

/** Resolves symbolic links in the existing part of a path. */
const realOf = (path: Path.Path, file: string): Effect.Effect<string, never, FileSystem.FileSystem> =>
  FileSystem.FileSystem.use((fs) => fs.realPath(file)).pipe(
    Effect.catch(() =>
      path.dirname(file) === file
        ? Effect.succeed(file)
        : Effect.map(realOf(path, path.dirname(file)), (above) => path.join(above, path.basename(file)))
    )
  )

/** The topmost folder above a file that is a project with a package.json; the file's own folder if there is none. */
const projectOf = Effect.fnUntraced(function* (path: Path.Path, file: string) {
  const fs = yield* FileSystem.FileSystem
  let found = path.dirname(file)
  for (let at = found; path.dirname(at) !== at; at = path.dirname(at)) {
    if (yield* Effect.orElseSucceed(fs.exists(path.join(at, "package.json")), () => false)) found = at
  }
  return found
})

/**
 * Makes the function that names external files in a manifest. A file in the program's project, if the run is in it too,
 * or otherwise in the common folder of run and program, gets a path relative to the run's folder, so that all of it may
 * be moved or copied together; other files get their absolute path.
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

/** The absolute path of a file that a run's manifest names; `folder` is the run's folder without symbolic links. */
export const placeOf = (path: Path.Path, folder: string, file: string): string => path.resolve(folder, file)

/** The external files that a manifest names. */
export const outside = (manifest: {
  readonly program: { readonly path: string }
  readonly modules: ReadonlyArray<{ readonly path: string }>
  readonly inputs: ReadonlyArray<{ readonly path: string }>
}): ReadonlyArray<string> => [manifest.program, ...manifest.modules, ...manifest.inputs].map(({ path }) => path)
