/**
 * What a run leaves behind, readable by people and by other tools: its manifest (what was run, on what, and the results),
 * what happened in each training, class probabilities of the test split, and the weights. The manifest is written as the
 * run begins and once more, last of all, with the results: what it says is finished is whole.
 */
import { AtomicFile, IoError } from "@igm/io"
import { Digest, Safetensors, type Split, Tensor } from "@igm/tensor"
import { Weights } from "@igm/training"
import { Effect, FileSystem, Path, Schema } from "effect"
import * as Events from "./Events.ts"
import * as Manifest from "./Manifest.ts"
import { type Result, byOutcome } from "./Pipeline.ts"
import { files } from "./RunFiles.ts"

const AnyText = Schema.fromJsonString(Manifest.Any)
const FormatText = Schema.fromJsonString(Schema.Struct({ format: Schema.Int }))

/** Writes the manifest of a run. */
export const writeManifest = Effect.fn("RunFolder.writeManifest")(function* (folder: string, manifest: Manifest.Any) {
  const path = yield* Path.Path
  const value = yield* Effect.orDie(Schema.encodeEffect(Manifest.Any)(manifest))
  yield* AtomicFile.write(path.join(folder, files.manifest), `${JSON.stringify(value, null, 2)}\n`)
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

/** Writes the results of a run; `extra` files are written with the rest, and the manifest last. */
export const write = Effect.fn("RunFolder.write")(function* (
  folder: string,
  result: Result,
  manifest: Manifest.Finished,
  extra: { readonly [file: string]: string | Uint8Array }
) {
  const path = yield* Path.Path
  const put = (file: string, content: string | Uint8Array) => AtomicFile.write(path.join(folder, file), content)
  for (const [file, content] of Object.entries(contentsOf(result))) yield* put(file, content)
  for (const [file, content] of Object.entries(extra)) yield* put(file, content)
  yield* writeManifest(folder, manifest)
})

/** Whether a text is the manifest of a version before formats were numbered. */
const isOlder = (text: string): boolean => {
  const found = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))(text)
  return found._tag === "Some" && "id" in found.value && "experiment" in found.value && !("format" in found.value)
}

/** Whether a finished run's folder holds these results: its manifest says so, and its files are there and the same. */
export const holds = Effect.fn("RunFolder.holds")(function* (
  folder: string,
  result: Result,
  manifest: Manifest.Finished
) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const before = yield* read(folder)
  if (Digest.canonicalJson(Manifest.resultsOf(before)) !== Digest.canonicalJson(Manifest.resultsOf(manifest)))
    return false
  for (const [file, content] of Object.entries(contentsOf(result))) {
    const there = yield* Effect.option(fs.readFile(path.join(folder, file)))
    if (there._tag === "None" || !Buffer.from(content).equals(there.value)) return false
  }
  return yield* Effect.orElseSucceed(fs.exists(path.join(folder, files.report)), () => false)
})

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
  return yield* Effect.result(Schema.decodeEffect(AnyText)(text))
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

/** Reads the manifest of a finished run. */
export const read = Effect.fn("RunFolder.read")(function* (folder: string) {
  const manifest = yield* glance(folder)
  if (manifest.status === "finished") return manifest
  return yield* new IoError({ path: folder, problem: "this run is not finished: run it again, and it goes on" })
})
