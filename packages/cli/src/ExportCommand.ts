/** `igm export`: exports a run's trained heads and their fusion as one ONNX file. */
import { Results, RunFolder } from "@igm/experiment"
import { Turns } from "@igm/gradient"
import { AtomicFile, IoError } from "@igm/io"
import { Safetensors, Tensor } from "@igm/tensor"
import { Model } from "@igm/onnx"
import { Exported } from "@igm/training"
import { Effect, Path } from "effect"
import { ProgramError } from "./ProgramError.ts"

/** The training to export, and the path of the file. */
export interface Options {
  readonly method: string | undefined
  readonly seed: number | undefined
  readonly to: string | undefined
}

/** Advice if the run's folder is not writable. */
const elsewhere = ({ to }: Options): string => (to === undefined ? "; name another file with --to" : "")

/** Writes the ONNX file and gives its path. */
export const exportRun = Effect.fn("ExportCommand.exportRun")(function* (folder: string, options: Options) {
  const path = yield* Path.Path
  const manifest = yield* RunFolder.read(folder)
  const results = yield* Results.read(folder, manifest)
  if (results === null) {
    const problem = "this run is no comparison of methods: its results have no heads to export"
    return yield* new ProgramError({ path: folder, problem })
  }
  const { methods, classes } = results
  const method = options.method === undefined ? methods[0] : methods.find(({ name }) => name === options.method)
  if (method === undefined) {
    const names = methods.map(({ name }) => `"${name}"`).join(", ")
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
      problem: `its results name ${training.heads}, and its manifest no digest of it`
    })
  }
  const bytes = yield* AtomicFile.read(file)
  const { tensors } = yield* Effect.try({
    try: () => Safetensors.decode(bytes),
    catch: (cause) => new IoError({ path: file, problem: (cause as Error).message, cause })
  })
  const weights = Object.fromEntries(Object.entries(tensors).map(([name, w]) => [name, Tensor.toFloat64(w)]))
  const { heads, fusion } = method.settings
  const misfit = Object.values(heads).find(({ head }) => head.out !== classes.length)
  if (misfit !== undefined) {
    const problem = `its heads tell ${misfit.head.out} classes apart, and its results name ${classes.length}`
    return yield* new ProgramError({ path: folder, problem })
  }
  const read = new Set(Object.values(heads).flatMap(({ reads }) => reads))
  const encoders = Object.entries(results.encoders).filter(([modality]) => read.has(modality))
  const model = Exported.encode(
    Turns.predictor(heads, fusion),
    weights,
    Object.fromEntries(encoders.map(([modality, { width }]) => [modality, width])),
    {
      "igm.run": manifest.id,
      "igm.method": method.name,
      "igm.seed": String(training.seed),
      "igm.classes": JSON.stringify(classes),
      "igm.encoders": JSON.stringify(Object.fromEntries(encoders.map(([modality, { digest }]) => [modality, digest]))),
      "igm.preprocessing": JSON.stringify(results.preprocessing)
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
