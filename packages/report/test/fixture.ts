/** A made-up result, hostile names included, for the tests of the report. */
import { Keyed, Tensor } from "@igm/tensor"
import {
  type CurveEpoch,
  IgmReport,
  type MethodScores,
  Png,
  Report,
  type SampleView,
  type Scores,
  Statistics,
  type Tuning,
  trainingScores
} from "../src/index.ts"

const CLASSES = ["zero", "one", '<two> & "three"']
const N = 90

/** Probabilities of one class alone for each sample. */
export const certain = (predicted: ReadonlyArray<number>, classes: number): Tensor.Tensor =>
  Tensor.float64(
    [predicted.length, classes],
    predicted.flatMap((at) => Array.from({ length: classes }, (_, c) => Number(c === at)))
  )

const methodsOf = (labels: ReadonlyArray<number>): ReadonlyArray<MethodScores> => {
  const stream = Keyed.stream(["report"])
  const method = (name: string, skill: number): MethodScores => ({
    name,
    description: `about ${name}`,
    selectedBy: "accuracy",
    trainings: [1, 2, 3].map((seed) => {
      const predicted = labels.map((label) => (stream.uniform() < skill ? label : Keyed.below(stream, 3)))
      return trainingScores(labels, seed, certain(predicted, 3))
    })
  })
  return [method("A", 0.8), method("B", 0.79), method("chance", 0)]
}

export const scores = (): Scores => {
  const labels = Array.from({ length: N }, (_, i) => i % 3)
  return { split: "test", classes: CLASSES, labels, methods: methodsOf(labels) }
}

/** Epochs of two methods, which are selected by different metrics. */
const epochs = (): ReadonlyArray<CurveEpoch & IgmReport.LedgerEpoch> =>
  ["A", "B"].flatMap((method) =>
    [1, 2, 3].flatMap((seed) =>
      Array.from({ length: 8 }, (_, e) => ({
        method,
        seed,
        turn: 1 + Math.floor(e / 2),
        head: e % 4 < 2 ? "audio" : "image",
        epoch: e + 1,
        loss: 1 / (e + 1),
        selectedBy: method === "A" ? "macroF1" : "accuracy",
        selected: 0.5 + e / 20,
        gradientNorm: 1,
        shareRemoved: e < 2 ? 0 : 0.2,
        cosine: 0.98,
        shareMoved: 0.00002
      }))
    )
  )

export const view = (): SampleView => ({
  id: "s-1",
  group: "voice",
  label: 2,
  media: {
    image: { kind: "image", type: "image/png", bytes: Png.heatMap(4, 4, [...Array(16).keys()]), tiny: true },
    audio: {
      kind: "sound",
      type: "audio/wav",
      bytes: Uint8Array.of(1, 2, 3),
      spectrogram: { rows: 3, columns: 5, data: Array.from({ length: 15 }, (_, i) => Math.sin(i)) }
    },
    text: { kind: "text", text: "who <b>wrote</b> this" }
  },
  predictions: [{ by: "audio", probabilities: [0.1, 0.2, 0.7] }]
})

const scored = (scores: ReadonlyArray<number>, mean: number, error: number) => ({ scores, mean, error })

const tuned = {
  by: "meanAveragePrecision",
  seeds: [1, 2],
  folds: [830, 840, 835].map((train) => ({ train, select: 400, held: 400 })),
  budget: 3
} as const

/** The tuning of two methods; one trial of the second has diverged. */
export const tuning: ReadonlyArray<Tuning.TunedMethod> = [
  {
    ...tuned,
    name: "A, tuned",
    of: "A",
    space: { tau: "0.1, 0.4", rho: "1e-15, 0.0001" },
    trials: [
      { setting: { tau: 0.1, rho: 1e-15 }, epochs: 10, scored: scored([0.5, 0.6, 0.7], 0.6, 0.0577) },
      { setting: { tau: 0.1, rho: 0.0001 }, epochs: 10, scored: scored([0.6, 0.6, 0.7], 0.6333, 0.0333) },
      { setting: { tau: 0.4, rho: 0.0001 }, epochs: 10, scored: scored([0.1, 0.7, 0.1], 0.3, 0.2) }
    ],
    chosen: 1,
    byFold: [1, 2, 1],
    runnerUp: { place: 0, difference: 0.0333, error: 0.0333 },
    close: 2,
    optimism: 0.0333,
    default: { epochs: 10, scored: scored([0.5, 0.6, 0.7], 0.6, 0.0577), gain: { difference: 0.0333, error: 0.0333 } }
  },
  {
    ...tuned,
    name: "B, tuned",
    of: "B",
    space: { fusion: '"mean", "sum"' },
    trials: [
      { setting: { fusion: "mean" }, epochs: 20, scored: scored([0.5, 0.5, 0.5], 0.5, 0) },
      { setting: { fusion: "sum" }, epochs: 20, scored: null }
    ],
    chosen: 0,
    byFold: [0, 0, 0],
    runnerUp: null,
    close: 0,
    optimism: 0,
    default: null
  }
]

/** What a report is made of that every test may have otherwise. */
export interface Parts {
  readonly scores: Scores
  readonly tuning?: ReadonlyArray<Tuning.TunedMethod>
}

/** A report with all sections that there are, but for those of one's own. */
export const report = ({ scores: given = scores(), tuning }: Partial<Parts> = {}): Report.Report => {
  const resamples = Statistics.Resamples.of(given, { count: 400 })
  const comparisons = Statistics.compare(resamples, ["A", "B"])
  return Report.make("A made-up <result>", [
    Report.run("made-up-1"),
    Report.headline(given, comparisons),
    Report.protocol(["Frozen features: not comparable with published end-to-end numbers.", "Selection on <valid>."]),
    Report.leaderboard(given),
    ...(tuning === undefined ? [] : [Report.tuning(tuning), Report.trials(tuning)]),
    Report.comparisons(comparisons),
    Report.differences(resamples, ["A", "B"]),
    Report.intervals(resamples),
    Report.methods(given),
    Report.curves(epochs()),
    IgmReport.ledger(epochs()),
    IgmReport.spectra([{ method: "A", seed: 1, turn: 2, head: "image", from: "audio", effectiveRank: [1.2, 1.3, 4] }]),
    Report.notes(["layer 1 has no partner <script>"]),
    Report.confusion(given),
    Report.samples([view()], given),
    Report.splits([{ split: "train", samples: 10, groups: ["a & b"] }]),
    Report.duplicates({ found: 1, named: [{ modality: "text", ids: ["train/<1>", "test/2"] }] }),
    Report.settings([{ name: "A", value: { html: "</pre><script>alert(1)</script>" } }]),
    Report.facts("Versions and digests", { node: "v22" }, { surroundings: true })
  ])
}
