/**
 * Writes what a reference needs to train the cases of `packages/training/test/parity` as this project does: features,
 * first weights, and every draw, one safetensors file for each case.
 *
 *     npm run parity-inputs -- OUT [CREMAD_FEATURES.safetensors]
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { AtomicFile } from "@igm/io"
import { Safetensors } from "@igm/tensor"
import { Reference } from "@igm/training"
import { Console, Effect, FileSystem } from "effect"
import { join } from "node:path"
import { type Case, type Job, cases, jobOf, methodOf, realCases } from "../../packages/training/test/parity/cases.ts"
import { realJob } from "../../packages/training/test/parity/real.ts"
import { run } from "../../packages/training/test/parity/trajectory.ts"

const [out, features] = process.argv.slice(2)

const write = Effect.fnUntraced(function* (of: Case, job: Job) {
  const { inputs, turns } = yield* run(methodOf(of), job, { tau: 0.4, every: Infinity })
  const file = join(out!, `${of.name}.safetensors`)
  yield* AtomicFile.write(file, Safetensors.encode(inputs, { case: JSON.stringify({ ...of, tau: 0.4, turns }) }))
  yield* Console.log(file)
})

const program = Effect.gen(function* () {
  for (const of of cases) yield* write(of, jobOf(of))
  if (features === undefined) return
  const bytes = yield* (yield* FileSystem.FileSystem).readFile(features)
  for (const of of realCases) yield* write(of, realJob(Safetensors.decode(bytes), of))
})

await Effect.runPromise(program.pipe(Effect.provide([NodeServices.layer, Reference.layer])))
