/** `igm export`: a run's trained heads and fusion as one ONNX file. */
import { RunFolder } from "@igm/experiment"
import { Stages } from "@igm/gradient"
import { AtomicFile, IoError } from "@igm/io"
import { Safetensors, Tensor } from "@igm/tensor"
import { Model } from "@igm/onnx"
import { Exported } from "@igm/training"
import { Effect, Path } from "effect"
import { ProgramError } from "./ProgramError.ts"

/** Which of a run's trainings, and where to. */
export interface Options {
  readonly method: string | undefined
  readonly seed: number | undefined
  readonly to: string | undefined
}

/** Advice where the run's folder may not be written. */
const elsewhere = ({ to }: Options): string => (to === undefined ? "; name another file with --to" : "")

/** Writes the file; returns its path. */
export const exportRun = Effect.fn("ExportCommand.exportRun")(function* (folder: string, options: Options) {
  const path = yield* Path.Path
  const manifest = yield* RunFolder.read(folder)
  const method =
    options.method === undefined ? manifest.methods[0] : manifest.methods.find(({ name }) => name === options.method)
  if (method === undefined) {
    const names = manifest.methods.map(({ name }) => `"${name}"`).join(", ")
    return yield* new ProgramError({ path: folder, problem: `it has no method "${options.method}", but ${names}` })
  }
  const training =
    options.seed === undefined ? method.trainings[0] : method.trainings.find(({ seed }) => seed === options.seed)
  if (training === undefined) {
    const seeds = method.trainings.map(({ seed }) => seed).join(", ")
    return yield* new ProgramError({
      path: folder,
      problem: `it has no training with seed ${options.seed}, but ${seeds}`
    })
  }
  const file = path.join(folder, training.heads)
  if (!(training.heads in manifest.files)) {
    return yield* new ProgramError({
      path: folder,
      problem: `its manifest names ${training.heads} and no digest of it`
    })
  }
  const bytes = yield* AtomicFile.read(file)
  const { tensors } = yield* Effect.try({
    try: () => Safetensors.decode(bytes),
    catch: (cause) => new IoError({ path: file, problem: (cause as Error).message, cause })
  })
  const weights = Object.fromEntries(Object.entries(tensors).map(([name, w]) => [name, Tensor.toFloat64(w)]))
  const { heads, fusion } = method.settings
  const misfit = Object.values(heads).find(({ head }) => head.out !== manifest.classes.length)
  if (misfit !== undefined) {
    const problem = `its heads tell ${misfit.head.out} classes apart, and its manifest names ${manifest.classes.length}`
    return yield* new ProgramError({ path: folder, problem })
  }
  const read = new Set(Object.values(heads).flatMap(({ reads }) => reads))
  const encoders = Object.entries(manifest.encoders).filter(([modality]) => read.has(modality))
  const model = Exported.encode(
    Stages.predictor(heads, fusion),
    weights,
    Object.fromEntries(encoders.map(([modality, { width }]) => [modality, width])),
    {
      "igm.run": manifest.id,
      "igm.method": method.name,
      "igm.seed": String(training.seed),
      "igm.classes": JSON.stringify(manifest.classes),
      "igm.encoders": JSON.stringify(Object.fromEntries(encoders.map(([modality, { digest }]) => [modality, digest]))),
      "igm.preprocessing": JSON.stringify(manifest.preprocessing)
    }
  )
  const target = options.to ?? path.join(folder, "heads.onnx")
  const there = yield* Effect.option(AtomicFile.read(target))
  if (there._tag === "Some" && !Model.isWhole(there.value)) {
    const problem = "there is a file here that igm export did not write: name another with --to, or remove it"
    return yield* new IoError({ path: target, problem })
  }
  yield* AtomicFile.write(target, Model.seal(model)).pipe(
    Effect.mapError(
      ({ path, problem, cause }) => new IoError({ path, problem: `${problem}${elsewhere(options)}`, cause })
    )
  )
  return target
})
