/**
 * The same numbers as the released code of IGM, and as an oracle written from the paper's equations. The golden files
 * were made by `tools/reference/released.py` and `tools/reference/oracle.py`; `npm run parity` prints every deviation.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { type Igm, Modification } from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Safetensors, type Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { OnnxProgram, Reference } from "../src/index.ts"
import { type Case, type Job, cases, jobOf, methodOf, realCases } from "./parity/cases.ts"
import { compare, reached, worst } from "./parity/compare.ts"
import { type Reading, misreadings } from "./parity/misreadings.ts"
import { realJob } from "./parity/real.ts"
import { type Options, run } from "./parity/trajectory.ts"

const TAU = 0.4
const EXACT = 1e-12
const SINGLE = 2e-5

const read = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return Safetensors.decode(yield* fs.readFile(file))
})
const goldenOf = (of: Case) => read(fileURLToPath(new URL(`golden/${of.name}.safetensors`, import.meta.url)))

const trajectory = Effect.fnUntraced(function* (
  of: Case,
  golden: Safetensors.Contents,
  options: Partial<Options> & { readonly job?: Job | undefined; readonly switches?: Igm.Switches | undefined }
) {
  const { job = jobOf(of), switches, ...rest } = options
  assert.isAtLeast(golden.tensors["loss"]!.data.length, 50)
  const every = Number(golden.metadata["every"])
  const found = yield* run(methodOf(of, switches), job, { tau: TAU, every, ...rest })
  assert.isAtLeast(found.turns.length, 2)
  return found
})

const deviations = Effect.fnUntraced(function* (of: Case, job?: Job) {
  const golden = yield* goldenOf(of)
  return compare(yield* trajectory(of, golden, { job }), golden)
})

/** How far a reading of the released code is from it in the first two turns: the second reads the moment of the first. */
const deviationsOf = Effect.fnUntraced(function* (of: Case, { change, replace, switches }: Reading) {
  const golden = yield* goldenOf(of)
  const found = yield* trajectory({ ...of, ...change }, golden, { replace, switches, turns: 2 })
  return compare(found, reached(found, golden))
})

const exact = Effect.provide(Reference.layer)
/** In single precision, with the sessions of equal programs shared by all cases. */
const single = OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu), Layer.merge(NodeServices.layer))
const KINDS = ["P", "gradient", "kept", "loss", "moment", "weights"]

layer(single)("Parity", (it) => {
  for (const of of cases) {
    const other = of.semantics === "code" ? "the released code" : "the oracle of the paper's equations"
    it.effect(`${of.name}: losses, gradients, moments, P and weights are those of ${other}`, () =>
      Effect.gen(function* () {
        const found = yield* deviations(of).pipe(exact)
        assert.sameMembers(Object.keys(found), KINDS)
        assert.isBelow(worst(found), EXACT, JSON.stringify(found))
        assert.isBelow(worst(yield* deviations(of)), SINGLE)
      })
    )
  }

  for (const reading of misreadings) {
    it.effect(`a misreading is told from the released code: ${reading.name}`, () =>
      Effect.gen(function* () {
        for (const of of cases.filter(({ semantics, rho }) => semantics === "code" && rho > 1e-5)) {
          assert.isAbove(worst(yield* deviationsOf(of, reading)), 100 * EXACT, of.name)
        }
      }).pipe(exact)
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
    })
  )

  const features = fileURLToPath(new URL("../../../../shared/data/cremad-features/our.safetensors", import.meta.url))
  const there = existsSync(features)
  for (const of of realCases) {
    it.effect.skipIf(!there)(
      `${of.name}: the same on real features of CREMA-D${there ? "" : " (skipped: no ../shared/data)"}`,
      () =>
        Effect.gen(function* () {
          const job = realJob(yield* read(features), of)
          const found = yield* deviations(of, job).pipe(exact)
          assert.isBelow(worst(found), EXACT, JSON.stringify(found))
          const program = yield* deviations(of, job)
          assert.isBelow(worst(program), SINGLE, JSON.stringify(program))
        }),
      60_000
    )
  }
})
