/**
 * The same numbers as the released code of IGM, and as an oracle written from the paper's equations. The golden files
 * were made by `tools/reference/released.py` and `tools/reference/oracle.py`; `npm run parity` prints every deviation.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Modification } from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Safetensors, type Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { OnnxProgram, Reference } from "../src/index.ts"
import { type Case, cases, jobOf, methodOf, realCases } from "./parity/cases.ts"
import { compare, worst } from "./parity/compare.ts"
import { type Reading, misreadings } from "./parity/misreadings.ts"
import { realJob } from "./parity/real.ts"
import { run } from "./parity/trajectory.ts"

const TAU = 0.4
const EXACT = 1e-12
const SINGLE = 2e-5

const read = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return Safetensors.decode(yield* fs.readFile(file))
})
const goldenOf = (of: Case) => read(fileURLToPath(new URL(`golden/${of.name}.safetensors`, import.meta.url)))

const deviations = Effect.fnUntraced(function* (of: Case, reading?: Reading, job = jobOf(of)) {
  const golden = yield* goldenOf(of)
  const method = methodOf({ ...of, ...reading?.change }, reading?.switches)
  const replace = reading?.replace === undefined ? {} : { replace: reading.replace }
  const found = yield* run(method, job, { tau: TAU, every: Number(golden.metadata["every"]), ...replace })
  assert.isAtLeast(golden.tensors["loss"]!.data.length, 50)
  assert.isAtLeast(found.turns.length, 2)
  return compare(found, golden)
})

const exact = Layer.merge(Reference.layer, NodeServices.layer)
const single = Layer.merge(OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu)), NodeServices.layer)
const KINDS = ["P", "gradient", "kept", "loss", "moment", "weights"]

describe("Parity", () => {
  for (const of of cases) {
    const other = of.semantics === "code" ? "the released code" : "the oracle of the paper's equations"
    it.effect(`${of.name}: losses, gradients, moments, P and weights are those of ${other}`, () =>
      Effect.gen(function* () {
        const found = yield* deviations(of).pipe(Effect.provide(exact))
        assert.sameMembers(Object.keys(found), KINDS)
        assert.isBelow(worst(found), EXACT, JSON.stringify(found))
        assert.isBelow(worst(yield* deviations(of).pipe(Effect.provide(single))), SINGLE)
      })
    )
  }

  for (const reading of misreadings) {
    it.effect(`a misreading is told from the released code: ${reading.name}`, () =>
      Effect.gen(function* () {
        for (const of of cases.filter(({ semantics, rho }) => semantics === "code" && rho > 1e-5)) {
          assert.isAbove(worst(yield* deviations(of, reading)), 100 * EXACT, of.name)
        }
      }).pipe(Effect.provide(exact))
    )
  }

  it.effect("the synthetic features have a spectrum like real ones: a second eigenvalue of some thousandths", () =>
    Effect.gen(function* () {
      for (const of of cases) {
        const { tensors } = yield* goldenOf(of)
        const moment = tensors["moment/2/1"] as Tensor.Tensor<"float64">
        const [first, second] = Modification.eigenvalues(moment).toSorted((a, b) => b - a)
        assert.isAbove(second! / first!, 0.001)
        assert.isBelow(second! / first!, 0.03)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const features = fileURLToPath(new URL("../../../../shared/data/cremad-features/our.safetensors", import.meta.url))
  const there = existsSync(features)
  for (const of of realCases) {
    it.effect.skipIf(!there)(
      `${of.name}: the same on real features of CREMA-D${there ? "" : " (skipped: no ../shared/data)"}`,
      () =>
        Effect.gen(function* () {
          const job = realJob(yield* read(features), of)
          const found = yield* deviations(of, undefined, job).pipe(Effect.provide(exact))
          assert.isBelow(worst(found), EXACT, JSON.stringify(found))
          const program = yield* deviations(of, undefined, job).pipe(Effect.provide(single))
          assert.isBelow(worst(program), SINGLE, JSON.stringify(program))
        }).pipe(Effect.provide(NodeServices.layer)),
      60_000
    )
  }
})
