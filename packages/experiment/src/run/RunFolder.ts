/**
 * Reads and writes the folder of a run, which people and other tools can read: its manifest, its report, and the files
 * that the program attached. The manifest is written when the run begins and again, as the last file, with the results:
 * a run that it declares finished is complete. It has a digest of itself and of every result file, and readers of a
 * finished run check them first.
 */
import { AtomicFile, FileDigest, IoError, Sealed } from "@igm/io"
import { Page, Report } from "@igm/report"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"
import * as Manifest from "./Manifest.ts"
import type { Files } from "./Run.ts"
import { files } from "./RunFiles.ts"

const FormatText = Schema.fromJsonString(Schema.Struct({ format: Schema.Int }))

/** Writes the manifest of a run. */
export const writeManifest = Effect.fn("RunFolder.writeManifest")(function* (folder: string, manifest: Manifest.Any) {
  const path = yield* Path.Path
  const value = yield* Effect.orDie(Schema.encodeEffect(Manifest.Any)(manifest))
  yield* AtomicFile.write(
    path.join(folder, files.manifest),
    Sealed.text(value as { readonly [name: string]: Digest.Json })
  )
})

/** The digest of the part of a report that a replay compares: the data of its sections. */
export const dataDigest = (report: Report.Report): Digest.Digest => Digest.ofJson(Report.data(report) as Digest.Json)

/** The contents of a run's result files, except for the manifest: the attached files and the report. */
export const contentsOf = Effect.fn("RunFolder.contentsOf")(function* (report: Report.Report, attached: Files) {
  const figures = Object.entries(Report.charts(report)).map(([name, spec]) => [
    files.figure(name),
    `${JSON.stringify(spec)}\n`
  ])
  const contents: Files = {
    ...attached,
    ...(Object.fromEntries(figures) as Files),
    [files.reportData]: Report.encode(report),
    [files.report]: yield* Page.html(report)
  }
  return contents
})

/** Reads the report in a run's folder. */
export const readReport = Effect.fn("RunFolder.readReport")(function* (folder: string) {
  const path = yield* Path.Path
  const file = path.join(folder, files.reportData)
  const text = new TextDecoder().decode(yield* AtomicFile.read(file))
  return yield* Report.decode(text).pipe(
    Effect.mapError((cause) => new IoError({ path: file, problem: "this file is damaged", cause }))
  )
})

const bytesOf = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content

/** The digests of result files. */
export const digestsOf = (contents: Files): Manifest.Finished["files"] =>
  Object.fromEntries(Object.entries(contents).map(([file, content]) => [file, Digest.ofBytes(bytesOf(content))]))

/** Writes files into a run's folder. */
export const put = Effect.fn("RunFolder.put")(function* (folder: string, contents: Files) {
  const path = yield* Path.Path
  for (const [file, content] of Object.entries(contents)) yield* AtomicFile.write(path.join(folder, file), content)
})

/** Writes the results of a run, and the manifest last. */
export const write = Effect.fn("RunFolder.write")(function* (
  folder: string,
  contents: Files,
  manifest: Manifest.Finished
) {
  yield* put(folder, contents)
  yield* writeManifest(folder, manifest)
})

/** The result files of a finished run that have changed or are missing. */
export const damaged = Effect.fn("RunFolder.damaged")(function* (folder: string, manifest: Manifest.Finished) {
  const path = yield* Path.Path
  return yield* Effect.filter(Object.keys(manifest.files), (file) =>
    FileDigest.of(path.join(folder, file)).pipe(
      Effect.map((digest) => digest !== manifest.files[file]),
      Effect.orElseSucceed(() => true)
    )
  )
})

/** Tells if a file only displays results that are also in other files. */
const isShown = (file: string): boolean => file === files.report || file.startsWith(files.figure("").split("/")[0]!)

const ANEW = "the command that made the run writes it anew, as long as its program and data are what they were"

/** The error of a finished run whose files have changed. */
const damage = (folder: string, [first, ...others]: ReadonlyArray<string>): IoError => {
  const more = others.length === 0 ? "" : ` (and ${others.length} more: ${others.join(", ")})`
  return new IoError({
    path: `${folder}/${first}`,
    problem: `this file of a finished run is damaged or gone${more}: ${ANEW}`
  })
}

/** Fails if any result file of a finished run has changed. */
export const check = Effect.fn("RunFolder.check")(function* (folder: string, manifest: Manifest.Finished) {
  const others = yield* damaged(folder, manifest)
  if (others.length > 0) return yield* damage(folder, others)
})

/** Tells if a text is a manifest of an older format that can no longer be read. */
const isOlder = (text: string): boolean => {
  const found = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))(text)
  if (found._tag === "None" || !("id" in found.value) || !("experiment" in found.value)) return false
  const { format } = found.value
  return format === undefined || (typeof format === "number" && format < Manifest.FORMAT)
}

/** The files that a program attaches now and those that it attached to a finished run, of which one side may lack some. */
export const otherFiles = (recorded: Manifest.Finished, attached: Files): ReadonlyArray<string> => {
  const digests = digestsOf(attached)
  const before = Object.keys(recorded.files).filter((file) => !isShown(file) && file !== files.reportData)
  return [...new Set([...Object.keys(digests), ...before])].filter((file) => recorded.files[file] !== digests[file])
}

/** The first result of a finished run that differs from other results; undefined if they are the same. */
export const differs = (recorded: Manifest.Finished, report: Digest.Digest, attached: Files): string | undefined =>
  otherFiles(recorded, attached)[0] ?? (recorded.report === report ? undefined : "the report")

/**
 * Reads the manifest in a file; a failed result if it is damaged or no manifest. Fails if it is of a newer or of an
 * unsupported older version.
 */
const parse = Effect.fnUntraced(function* (file: string) {
  const text = new TextDecoder().decode(yield* AtomicFile.read(file))
  const about = yield* Effect.option(Schema.decodeEffect(FormatText)(text))
  if (about._tag === "Some" && about.value.format > Manifest.FORMAT) {
    const formats = `format ${about.value.format}; this one reads ${Manifest.FORMAT}`
    return yield* new IoError({ path: file, problem: `it was written by a newer igm (${formats}): update igm` })
  }
  if (isOlder(text)) {
    const problem =
      "it was written by an older igm, which cannot be read any more: run the experiment again, into another --out or without this folder"
    return yield* new IoError({ path: file, problem })
  }
  return yield* Effect.fromOption(Sealed.members(text)).pipe(
    Effect.flatMap((members) => Schema.decodeUnknownEffect(Manifest.Any)(members)),
    Effect.result
  )
})

/** Reads the manifest of a run's folder, finished or not. */
export const glance = Effect.fn("RunFolder.glance")(function* (folder: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  if (!(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) {
    return yield* new IoError({ path: folder, problem: "there is no such run" })
  }
  const file = path.join(folder, files.manifest)
  return yield* Effect.fromResult(yield* parse(file)).pipe(
    Effect.mapError(
      (cause) =>
        new IoError({
          path: file,
          problem: "this is not the manifest of a run, or damaged: the command that made the run writes it anew",
          cause
        })
    )
  )
})

/**
 * The status of a run's folder: `new` if it has no manifest. Fails if the manifest is of a newer or of an unsupported
 * older version.
 */
export const statusOf = Effect.fn("RunFolder.statusOf")(function* (folder: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const file = path.join(folder, files.manifest)
  if (!(yield* Effect.orElseSucceed(fs.exists(file), () => false))) return "new"
  const found = yield* parse(file)
  return found._tag === "Success" ? found.success.status : "damaged"
})

/**
 * Reads the manifest of a finished run and checks its results; a damaged report or figure is only reported as a
 * warning.
 */
export const read = Effect.fn("RunFolder.read")(function* (folder: string) {
  const manifest = yield* glance(folder)
  if (manifest.status !== "finished") {
    return yield* new IoError({ path: folder, problem: "this run is not finished: run it again, and it goes on" })
  }
  const others = yield* damaged(folder, manifest)
  const results = others.filter((file) => !isShown(file))
  if (results.length > 0) return yield* damage(folder, results)
  if (others.length > 0) yield* Effect.logWarning(damage(folder, others).message)
  return manifest
})
