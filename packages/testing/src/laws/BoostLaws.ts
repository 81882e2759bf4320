/** Laws of ReconBoost: of the targets of its boosting losses, and of its two steps. */
import { BoostStep, Float64, Loss, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Batch, type Logits, Logits as LogitsSchema, type Scene, logitsOf, matrix, sceneOf } from "../Cases.ts"
import { above, relative, relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import * as Oracle from "../Oracle.ts"
import { differences, isSmooth } from "./StepLaws.ts"

const { ops } = Float64

type Matrix = Float64.Matrix

/** The function under test: the targets. */
export type Targets = typeof BoostStep.targets<Matrix>

const RATE = 0.7
const OWN = 1.25
const OTHERS = 0.25
const weights = { own: ops.scalar(OWN), others: ops.scalar(OTHERS) }
const softmax = (z: Matrix): Matrix => ops.exp(ops.logSoftmax(z))
const sumOf = (logits: ReadonlyArray<Matrix>): Matrix => logits.reduce(ops.add)

/** The boosting loss of logits, from its definition, sample by sample. */
const lossOf = (form: BoostStep.Form, z: Matrix, y: Matrix, others: ReadonlyArray<Matrix>): number => {
  const [batch, classes] = Float64.dims(y)
  const q = others.length === 0 ? null : softmax(ops.multiply(ops.scalar(RATE), sumOf(others)))
  const logs = ops.logSoftmax(z)
  let total = 0
  for (let i = 0; i < batch * classes; i++) {
    const seen = q === null ? Number(form === "labelled") : q.data[i]!
    const target = form === "labelled" ? y.data[i]! * (OWN - OTHERS * seen) : y.data[i]! - OTHERS * seen
    total -= (target * logs.data[i]!) / batch
  }
  return total
}

const forms: ReadonlyArray<BoostStep.Form> = ["labelled", "residual"]

/** The laws of the targets. */
export const laws = (targets: Targets = BoostStep.targets): ReadonlyArray<Law.Law> => {
  const labels = ({ batch, classes, seed }: Logits) =>
    Tensor.float64(
      [batch, classes],
      Float64Array.from({ length: batch * classes }, (_, i) =>
        Number(i % classes === (seed + Math.floor(i / classes)) % classes)
      )
    )
  const law = (name: string, tolerance: number, deviation: (of: Logits, y: Matrix) => number) =>
    Law.make({
      name: `ReconBoost's ${name}`,
      cases: LogitsSchema,
      tolerance,
      deviation: (of) => deviation(of, labels(of))
    })
  const targetsOf = (form: BoostStep.Form, y: Matrix, others: ReadonlyArray<Matrix>) =>
    targets(ops, form, weights, y, others, ops.scalar(RATE))
  return [
    law(
      "gradients are those of its two losses, with the others' softmax and without, by finite differences",
      1e-6,
      (of, y) => {
        const z = matrix(of.batch, of.classes, of.seed, "own")
        const all = logitsOf(of)
        return worst(
          forms.flatMap((form) =>
            [all, []].map((others) => {
              const at = (i: number, by: number) => {
                const data = z.data.slice()
                data[i]! += by
                return lossOf(form, Tensor.float64(z.shape, data), y, others)
              }
              const expected = z.data.map((_, i) => (at(i, 1e-5) - at(i, -1e-5)) / 2e-5)
              return relative(Loss.crossEntropy(ops, z, targetsOf(form, y, others), of.batch).delta.data, expected, 1)
            })
          )
        )
      }
    ),
    law("labelled targets are weights of the labels alone, and none is below w₁ − w₂", 1e-12, (of, y) => {
      const found = targetsOf("labelled", y, logitsOf(of))
      return worst(
        Array.from(found.data, (x, i) =>
          y.data[i] === 0 ? Math.abs(x) : Math.max(above(OWN - OTHERS, x), above(x, OWN))
        )
      )
    }),
    law("residual targets fire: they differ from the labels as soon as there are others", 0, (of, y) => {
      const found = targetsOf("residual", y, logitsOf(of))
      return relative(found.data, y.data) > OTHERS / of.classes / 2 &&
        relative(targetsOf("residual", y, []).data, y.data) === 0
        ? 0
        : 1
    })
  ]
}

/** The steps under test. */
export interface Subject {
  readonly boost: typeof BoostStep.boost
  readonly rectify: typeof BoostStep.rectify
}

const Case = Schema.Struct({ ...Batch.fields, shared: Schema.Boolean, three: Schema.Boolean })

const numbers = { rate: 0, momentum: 0, weightDecay: 0, own: OWN, others: OTHERS }

/** The modalities' scenes: with heads of their own, or all with the first one's. */
const scenesOf = ({ shared, three, ...of }: typeof Case.Type): Ops.Named<Scene> => {
  const first = sceneOf(of)
  const other = (n: number): Scene => {
    const own = sceneOf({ ...of, seed: of.seed + n })
    return { ...own, y: first.y, ...(shared ? { parameters: first.parameters } : {}) }
  }
  return { audio: first, video: other(1), ...(three ? { touch: other(2) } : {}) }
}

const stateOf = (shared: boolean, scenes: Ops.Named<Scene>) =>
  Object.fromEntries(
    Object.entries(scenes).flatMap(([modality, { parameters }]) =>
      Object.entries(parameters).flatMap(([name, w]) => [
        [BoostStep.at(BoostStep.ownerOf({ shared }, modality), name), w] as const,
        [BoostStep.at(BoostStep.ownerOf({ shared }, modality), `velocity.${name}`), Tensor.zeros(w.shape)] as const
      ])
    )
  )

const contextOf = (shared: boolean, scenes: Ops.Named<Scene>, batch: Scene) => ({
  inputs: { ...Ops.mapNamed(numbers, ops.scalar), ...stateOf(shared, scenes), boost: ops.scalar(RATE) },
  reads: { y: batch.y, ...Object.fromEntries(Object.entries(scenes).map(([name, { x }]) => [`x/${name}`, x])) },
  draws: {}
})

/** The gradient that a step followed, of an owner's parameters. */
const followed = (state: Ops.Named<Matrix>, owner: string, parameters: Ops.Named<Matrix>) =>
  Ops.mapNamed(parameters, (_, name) => Ops.get(state, BoostStep.at(owner, `velocity.${name}`)))

/** The laws of the steps. */
export const stepLaws = (subject: Partial<Subject> = {}): ReadonlyArray<Law.Law> => {
  const { boost, rectify }: Subject = { ...BoostStep, ...subject }
  const law = (name: string, deviation: (of: typeof Case.Type, scenes: Ops.Named<Scene>) => number) =>
    Law.make({
      name: `ReconBoost's ${name}`,
      cases: Case,
      tolerance: 1e-6,
      deviation: (of) => {
        const scenes = scenesOf(of)
        return Object.values(scenes).every(isSmooth) ? deviation(of, scenes) : 0
      }
    })
  const variantOf = ({ shared, batch }: typeof Case.Type, scenes: Ops.Named<Scene>): BoostStep.Variant => ({
    heads: Ops.mapNamed(scenes, ({ head }) => head),
    shared,
    batch,
    optimizer: "sgd"
  })
  return [
    law("boosting step follows its loss with the others held fixed, by finite differences", (of, scenes) => {
      const [[name, scene], ...rest] = Object.entries(scenes) as [[string, Scene], ...Array<[string, Scene]>]
      const owner = BoostStep.ownerOf(of, name)
      const logits = rest.map(([, { parameters, x }]) => Oracle.logitsOf(parameters, x))
      return worst(
        forms.map((form) => {
          const step = boost(
            variantOf(of, scenes),
            form,
            name,
            rest.map(([other]) => other)
          )
          const state = stateOf(of.shared, { [name]: scene })
          const found = followed(
            step.run(ops, { ...contextOf(of.shared, scenes, scene), state }).state,
            owner,
            scene.parameters
          )
          const expected = differences(scene.parameters, (at) =>
            lossOf(form, Oracle.logitsOf(at, scene.x), scene.y, logits)
          )
          return relatives(found, expected, 1)
        })
      )
    }),
    law(
      "rectifying step follows CE(β Σ o_m, y), in β too where that is trained, by finite differences",
      (of, scenes) => {
        const first = Object.values(scenes)[0]!
        const loss = (parameters: (modality: string) => Ops.Named<Matrix>, rate: number) => {
          const logits = Object.entries(scenes).map(([name, { x }]) => Oracle.logitsOf(parameters(name), x))
          return Oracle.crossEntropy(ops.multiply(ops.scalar(rate), sumOf(logits)), first.y)
        }
        const own = (modality: string) => Ops.get(scenes, modality).parameters
        const owners = of.shared ? ["audio"] : Object.keys(scenes)
        const slope = (loss(own, RATE + 1e-5) - loss(own, RATE - 1e-5)) / 2e-5
        return worst(
          [true, false].flatMap((trained) => {
            const rate = { boost: ops.scalar(RATE), "velocity.boost": ops.scalar(0) }
            const state = { ...stateOf(of.shared, scenes), ...(trained ? rate : {}) }
            const step = rectify(variantOf(of, scenes), trained)
            const found = step.run(ops, { ...contextOf(of.shared, scenes, first), state })
            const gradients = owners.map((modality) => {
              const expected = differences(own(modality), (at) =>
                loss((name) => (of.shared || name === modality ? at : own(name)), RATE)
              )
              return relatives(followed(found.state, BoostStep.ownerOf(of, modality), own(modality)), expected, 1)
            })
            const velocity = found.state["velocity.boost"]?.data[0]
            return [
              ...gradients,
              trained ? relative([velocity ?? Number.NaN], [slope], 1) : Number(velocity !== undefined)
            ]
          })
        )
      }
    )
  ]
}
