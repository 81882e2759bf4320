/** Laws of what rivals do over the epochs and steps of a training: when OGM-GE ends, and how MLA's α falls. */
import { Head, JointTraining, type Method, Metric, Mla, Ring, Selection } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Seed, features } from "../Cases.ts"
import { relative, worst } from "../Distance.ts"
import * as Law from "../Law.ts"

const [WIDTH, CLASSES, SAMPLES, BATCH] = [3, 2, 9, 2]
const head = Head.make(WIDTH, CLASSES)

type Widths = { readonly audio: typeof WIDTH; readonly video: typeof WIDTH }

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Case = Schema.Struct({ seed: Seed, epochs: between(1, 5), until: between(0, 6) })

const ringOf = (epochs: number) =>
  Ring.make(["audio", "video"], { rounds: 1, epochs: { audio: epochs, video: epochs } })

const jobOf = (seed: number): Method.Job<{ readonly [K in keyof Widths]: number }> => {
  const of = <S extends "train" | "valid">(split: S) => ({
    split,
    widths: { audio: WIDTH, video: WIDTH },
    classes: CLASSES,
    ids: Array.from({ length: SAMPLES }, (_, i) => `${split}-${i}`),
    labels: Int32Array.from({ length: SAMPLES }, (_, i) => i % CLASSES),
    modalities: {
      audio: Tensor.toFloat32(features(SAMPLES, WIDTH, seed, "audio")),
      video: Tensor.toFloat32(features(SAMPLES, WIDTH, seed, "video"))
    }
  })
  return { seed, train: of("train"), select: of("valid") }
}

/** The phases of a method's epochs, without their training. */
const phasesOf = <D extends { readonly [modality: string]: number }>(method: Method.Method<D>, job: Method.Job<D>) => {
  const selected = Metric.of([0, 1], Tensor.float64([2, 2], [1, 0, 0, 1]))
  const found: Array<{ readonly phase: Method.Phase; readonly cursor: Method.Cursor }> = []
  let cursor = method.start(job)
  for (;;) {
    if (!cursor.entered) cursor = method.enter(job, cursor, {})
    const phase = method.phase(job, cursor)
    found.push({ phase, cursor })
    const { next } = phase.boundary(cursor, { trace: { loss: [1] }, probe: {}, selected })
    if ("done" in next) return found
    cursor = next
  }
}

/** The constructor under test. */
export type MakeOgm = typeof JointTraining.ogmGe

/** The laws of OGM-GE's end. */
export const ogmLaws = (make: MakeOgm = JointTraining.ogmGe): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "OGM-GE changes gradients in epochs 0 to `until`, and in none later",
    cases: Case,
    tolerance: 0,
    deviation: ({ seed, epochs, until }) => {
      const options = { heads: { audio: head, video: head }, selection: Selection.best("accuracy"), batch: BATCH }
      const [method, plain] = [
        make({ ...options, ring: ringOf(epochs) }, { until, noise: false }),
        JointTraining.plain({ ...options, ring: ringOf(epochs) })
      ]
      const job = jobOf(seed)
      const [changed, unchanged] = [method, plain].map((of) => phasesOf(of, job).map(({ phase }) => phase.step.name))
      const wanted = unchanged!.map((_, epoch) => epoch > until)
      const found = changed!.map((name) => name === unchanged![0])
      return changed!.length === epochs && wanted.every((is, epoch) => is === found[epoch]) ? 0 : 1
    }
  })
]

/** The constructor under test. */
export type MakeMla = typeof Mla.make

/** The laws of MLA's numbers in the released code. */
export const mlaLaws = (make: MakeMla = Mla.make): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "MLA's α is α^(1 + t/T) in batch t of T as released, and its first batch of a training is marked",
    cases: Case,
    tolerance: 1e-12,
    deviation: ({ seed, epochs }) => {
      const alpha = 0.2
      const method = make({
        head,
        ring: ringOf(epochs),
        selection: Selection.best("accuracy"),
        batch: BATCH,
        alpha,
        projection: Mla.code
      })
      return worst(
        phasesOf(method, jobOf(seed)).map(({ phase, cursor }, epoch) => {
          const { steps, values } = phase.draws(cursor)
          const numbers = (of: (t: number) => number) => Float64Array.from({ length: steps }, (_, t) => of(t))
          return worst([
            relative(
              values["alpha"]?.data ?? [],
              numbers((t) => alpha ** (1 + t / steps))
            ),
            relative(
              values["first"]?.data ?? [],
              numbers((t) => Number(epoch === 0 && t === 0)),
              1
            )
          ])
        })
      )
    }
  })
]
