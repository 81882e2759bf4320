/**
 * Prints how far the float64 interpreter and the ONNX program are from golden files, and how far misreadings of the
 * released code are: by default from the committed files, otherwise from a folder that `released.py` or `oracle.py` wrote.
 *
 *     npm run parity [-- FOLDER [CREMAD_FEATURES.safetensors]]
 */
import { OnnxRuntime } from "@igm/onnx"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Safetensors } from "@igm/tensor"
import { OnnxProgram, Reference } from "@igm/training"
import { Console, Effect, FileSystem, Layer } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Case, type Job, cases, jobOf, methodOf, realCases } from "../../packages/training/test/parity/cases.ts"
import { compare, worst } from "../../packages/training/test/parity/compare.ts"
import { type Reading, misreadings } from "../../packages/training/test/parity/misreadings.ts"
import { realJob } from "../../packages/training/test/parity/real.ts"
import { run } from "../../packages/training/test/parity/trajectory.ts"

const committed = fileURLToPath(new URL("../../packages/training/test/golden", import.meta.url))
const [folder = committed, features] = process.argv.slice(2)
const onnx = OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu))

const deviations = Effect.fnUntraced(function* (of: Case, job: Job, golden: Safetensors.Contents, reading?: Reading) {
  const method = methodOf({ ...of, ...reading?.change }, reading?.switches)
  const every = Number(golden.metadata["every"])
  const replace = reading?.replace === undefined ? {} : { replace: reading.replace }
  return compare(yield* run(method, job, { tau: 0.4, every, ...replace }), golden)
})

const show = (numbers: { readonly [kind: string]: number }) =>
  Object.entries(numbers)
    .map(([kind, x]) => `${kind} ${x.toExponential(1)}`)
    .join("  ")

const report = Effect.fnUntraced(function* (of: Case, job: Job) {
  const fs = yield* FileSystem.FileSystem
  const file = join(folder, `${of.name}.safetensors`)
  if (!(yield* fs.exists(file))) return
  const golden = Safetensors.decode(yield* fs.readFile(file))
  const of64 = yield* deviations(of, job, golden).pipe(Effect.provide(Reference.layer))
  yield* Console.log(`${of.name}, ${golden.tensors["loss"]!.data.length} steps, float64: ${show(of64)}`)
  const of32 = yield* deviations(of, job, golden).pipe(Effect.provide(onnx))
  yield* Console.log(`  float32 ONNX program: ${show(of32)}`)
  if (of.semantics === "paper" || of.rho < 1e-5) return
  for (const reading of misreadings) {
    const off = yield* deviations(of, job, golden, reading).pipe(Effect.provide(Reference.layer))
    yield* Console.log(`  ${reading.name}: ${worst(off).toExponential(1)}`)
  }
})

const program = Effect.gen(function* () {
  yield* Console.log(
    [
      "The largest |a − b| over the largest |b| of any tensor, by kind; kept are the weights of the best epoch.",
      "float64 has to stay below 1e-12 and float32 below 2e-5; misreadings have to be above 1e-10.",
      ""
    ].join("\n")
  )
  for (const of of cases) yield* report(of, jobOf(of))
  if (features === undefined) return
  const real = Safetensors.decode(yield* (yield* FileSystem.FileSystem).readFile(features))
  for (const of of realCases) yield* report(of, realJob(real, of))
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
