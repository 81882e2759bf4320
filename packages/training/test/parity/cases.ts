/**
 * The trainings that are compared with the released code and with the oracle of the paper's equations: IGM on seeded
 * features whose moments have a spectrum like that of real ones, over changes of turn, for several ρ and optimizers.
 */
import {
  type Features,
  Head,
  Igm,
  type Method,
  type Optimizer,
  type Ring,
  type Schedule,
  Selection
} from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"

/** A training to compare. */
export interface Case {
  readonly name: string
  readonly modalities: ReadonlyArray<string>
  readonly semantics: "paper" | "code"
  readonly rho: number
  readonly optimizer: Optimizer.Optimizer
  readonly batch: number
  /** Of each modality's head, from features to classes. */
  readonly widths: readonly [number, number, number, number]
  readonly epochs: number
  readonly rounds: number
  readonly schedule: Schedule.Schedule
}

/** The data of a case. */
export type Job = Method.Job<Features.Dims, "test">

/** Of the released code, ρ as released, and two values at which the perturbation matters. */
const RADII = { two: [1e-10, 1e-4, 0.05], three: [1e-15, 1e-4, 0.05], paper: [1e-10, 1e-4, 0.05] } as const

/** Larger than the released 1e-5, at which Adam would move nothing in so few steps. */
const adam: Optimizer.Adam = { kind: "adam", rate: 1e-3, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 1e-4 }

const shared = {
  widths: [12, 8, 6, 3] as const,
  epochs: 2,
  // Falls once in each turn, so that the early step is compared too.
  schedule: { kind: "step", size: 2, factor: 0.1, early: true } as const
}

const setOf = (
  semantics: Case["semantics"],
  modalities: ReadonlyArray<string>,
  batch: number,
  radii: ReadonlyArray<number>,
  optimizers: ReadonlyArray<Optimizer.Optimizer>
): ReadonlyArray<Case> =>
  optimizers.flatMap((optimizer) =>
    radii.map((rho) => ({
      ...shared,
      name: `${semantics}-${modalities.length}-${optimizer.kind}-${rho}`,
      modalities,
      semantics,
      rho,
      optimizer,
      batch,
      rounds: 2
    }))
  )

/** All cases: 80 steps or more each, over three changes of turn or more. */
export const cases: ReadonlyArray<Case> = [
  ...setOf("code", ["audio", "video"], 12, RADII.two, [Igm.sgd, adam]),
  ...setOf("code", ["depth", "rgb", "flow"], 6, RADII.three, [Igm.sgd, adam]),
  ...setOf("paper", ["audio", "video"], 12, RADII.paper, [Igm.sgd]),
  ...setOf("paper", ["depth", "rgb", "flow"], 6, RADII.paper, [adam])
]

/** The heads' widths of the released code. */
const realWidths = [512, 256, 64, 6] as const

/** IGM on real features: the released code's settings on 512-d audio and video features of CREMA-D. */
export const realCases: ReadonlyArray<Case> = RADII.two.map((rho) => ({
  ...shared,
  name: `cremad-${rho}`,
  modalities: ["audio", "video"],
  semantics: "code",
  rho,
  optimizer: Igm.sgd,
  batch: 12,
  widths: realWidths,
  epochs: 1,
  rounds: 1
}))

/** The method of a case. It selects as the released code does, on the split that is called test. */
export const methodOf = (
  { modalities, semantics, widths, rounds, epochs, ...rest }: Case,
  switches: Igm.Switches = {}
) => {
  const ring: Ring.Ring<string> = {
    order: modalities,
    rounds,
    epochs: Object.fromEntries(modalities.map((name) => [name, epochs]))
  }
  const head = Head.make(widths[0], widths[1], widths[2], widths[3]) as Head.Head
  const options = {
    heads: Object.fromEntries(modalities.map((name) => [name, head])),
    ring,
    selection: Selection.onTestAsReleased,
    batch: rest.batch,
    rho: rest.rho,
    optimizer: rest.optimizer,
    switches: { schedule: rest.schedule, ...switches }
  }
  return semantics === "paper" ? Igm.paper(options) : Igm.code(options)
}

/** As encoders' features are: not negative, about a mean that is common to all classes. */
const synthetic = <S extends "train" | "test">(
  split: S,
  count: number,
  of: Case
): Features.Features<S, Features.Dims> => {
  const [width, classes] = [of.widths[0], of.widths[3]]
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes)
  const modality = (name: string) => {
    const stream = Keyed.stream(["parity", name])
    const mean = Array.from({ length: width }, () => Keyed.between(stream, 0.3, 1.3))
    const ofClass = Keyed.normals(stream, classes * width)
    const noise = Keyed.stream(["parity", name, split])
    return Tensor.float32(
      [count, width],
      Array.from({ length: count * width }, (_, i) => {
        const [row, j] = [Math.floor(i / width), i % width]
        return Math.max(0, mean[j]! + 0.3 * ofClass[labels[row]! * width + j]! + 0.3 * Keyed.normal(noise))
      })
    )
  }
  return {
    split,
    widths: Object.fromEntries(of.modalities.map((name) => [name, width])),
    classes,
    ids: Array.from(labels, (_, i) => `${split}-${i}`),
    labels,
    modalities: Object.fromEntries(of.modalities.map((name) => [name, modality(name)]))
  }
}

/** Seeded features: ten batches and an incomplete one to train on. */
export const jobOf = (of: Case): Job => ({
  seed: 7,
  train: synthetic("train", 10 * of.batch + 5, of),
  select: synthetic("test", 40, of)
})
