/**
 * What a run leaves behind, readable by people and by other tools: its manifest (what was run, on what, and the results),
 * what happened in each training, class probabilities of the test split, and the weights. The manifest is written as the
 * run begins and once more, last of all, with the results: what it says is finished is whole. It has the digest of itself
 * and of every file with results, and whoever reads a finished run checks them first.
 */
import { AtomicFile, FileDigest, IoError, Sealed } from "@igm/io"
import { Digest, Safetensors, type Split, Tensor } from "@igm/tensor"
import { Weights } from "@igm/training"
import { Effect, FileSystem, Path, Schema } from "effect"
import * as Events from "./Events.ts"
import * as JsonDifference from "./JsonDifference.ts"
import * as Manifest from "./Manifest.ts"
import { type Result, byOutcome } from "./Pipeline.ts"
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

/** The files of a run that hold its results, but for its manifest and its report. */
export const contentsOf = (result: Result): { readonly [file: string]: string | Uint8Array } => {
  const heads = byOutcome(result, ({ weights }) => Safetensors.encode(Weights.stored(weights)))
  const trainings = result.methods.flatMap(({ method, outcomes }) =>
    outcomes.flatMap(({ seed, events }) =>
      Events.lines(Events.encode(events)).map(
        (line) => `{"method":${JSON.stringify(method.name)},"seed":${seed},${line.slice(1)}\n`
      )
    )
  )
  const labels = Tensor.int32([result.features.test.labels.length], result.features.test.labels)
  const probabilities = byOutcome(result, ({ said }) => Tensor.toFloat32(said.probabilities))
  return {
    ...Object.fromEntries(Object.entries(heads).map(([outcome, bytes]) => [files.heads(outcome), bytes])),
    [files.trainings]: trainings.join(""),
    [files.predictions]: Safetensors.encode({ labels, ...probabilities }, { split: "test" satisfies Split.Split })
  }
}

/** Files with results, by their names in the run's folder. */
export type Contents = { readonly [file: string]: string | Uint8Array }

const bytesOf = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content

/** The digests of files with results. */
export const digestsOf = (contents: Contents): Manifest.Finished["files"] =>
  Object.fromEntries(Object.entries(contents).map(([file, content]) => [file, Digest.ofBytes(bytesOf(content))]))

/** Writes files of a run. */
export const put = Effect.fn("RunFolder.put")(function* (folder: string, contents: Contents) {
  const path = yield* Path.Path
  for (const [file, content] of Object.entries(contents)) yield* AtomicFile.write(path.join(folder, file), content)
})

/** Writes the results of a run, and the manifest last. */
export const write = Effect.fn("RunFolder.write")(function* (
  folder: string,
  contents: Contents,
  manifest: Manifest.Finished
) {
  yield* put(folder, contents)
  yield* writeManifest(folder, manifest)
})

/** The files of a finished run that are not as they were written, or gone. */
export const damaged = Effect.fn("RunFolder.damaged")(function* (folder: string, manifest: Manifest.Finished) {
  const path = yield* Path.Path
  return yield* Effect.filter(Object.keys(manifest.files), (file) =>
    FileDigest.of(path.join(folder, file)).pipe(
      Effect.map((digest) => digest !== manifest.files[file]),
      Effect.orElseSucceed(() => true)
    )
  )
})

/** Whether a file shows results that other files hold. */
const isShown = (file: string): boolean => file === files.report || file.startsWith(files.figure("").split("/")[0]!)

const ANEW = "the command that made the run writes it anew, as long as its program and data are what they were"

/** The error of a finished run with files that are not as they were written. */
const damage = (folder: string, [first, ...others]: ReadonlyArray<string>): IoError => {
  const more = others.length === 0 ? "" : ` (and ${others.length} more: ${others.join(", ")})`
  return new IoError({
    path: `${folder}/${first}`,
    problem: `this file of a finished run is damaged or gone${more}: ${ANEW}`
  })
}

/** Fails if any file of a finished run is not as it was written. */
export const check = Effect.fn("RunFolder.check")(function* (folder: string, manifest: Manifest.Finished) {
  const others = yield* damaged(folder, manifest)
  if (others.length > 0) return yield* damage(folder, others)
})

/** Whether a text is the manifest of a version that cannot be read any more. */
const isOlder = (text: string): boolean => {
  const found = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))(text)
  if (found._tag === "None" || !("id" in found.value) || !("experiment" in found.value)) return false
  const { format } = found.value
  return format === undefined || (typeof format === "number" && format < Manifest.FORMAT)
}

/** Where the results of a finished run differ from others: the first of the places, in words; undefined if they are the same. */
export const differs = (
  recorded: Manifest.Finished,
  other: Manifest.Finished,
  contents: Contents
): string | undefined => {
  const [first] = JsonDifference.between(Manifest.resultsOf(recorded), Manifest.resultsOf(other))
  if (first !== undefined) return JsonDifference.pathText(first.path)
  return Object.entries(digestsOf(contents)).find(([file, digest]) => recorded.files[file] !== digest)?.[0]
}

/** The manifest in a file, or none if it is damaged or no manifest. Fails if it is of a newer version. */
const parse = Effect.fnUntraced(function* (file: string) {
  const text = new TextDecoder().decode(yield* AtomicFile.read(file))
  const about = yield* Effect.option(Schema.decodeEffect(FormatText)(text))
  if (about._tag === "Some" && about.value.format > Manifest.FORMAT) {
    const formats = `format ${about.value.format}; this one reads ${Manifest.FORMAT}`
    return yield* new IoError({ path: file, problem: `it was written by a newer igm (${formats}): update igm` })
  }
  if (isOlder(text)) {
    const problem = "it was written by an older igm, which cannot be read any more: run the experiment again"
    return yield* new IoError({ path: file, problem })
  }
  return yield* Effect.fromOption(Sealed.members(text)).pipe(
    Effect.flatMap((members) => Schema.decodeUnknownEffect(Manifest.Any)(members)),
    Effect.result
  )
})

/** Reads the manifest of a run's folder, whether the run is finished or not. */
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

/** How a run's folder stands: `new` where it has no manifest. Fails if the manifest is of a newer version. */
export const statusOf = Effect.fn("RunFolder.statusOf")(function* (folder: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const file = path.join(folder, files.manifest)
  if (!(yield* Effect.orElseSucceed(fs.exists(file), () => false))) return "new"
  const found = yield* parse(file)
  return found._tag === "Success" ? found.success.status : "damaged"
})

/** Reads the manifest of a finished run whose results are as they were written; a damaged report or figure is told. */
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
