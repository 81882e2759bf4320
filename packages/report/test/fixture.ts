/** A made-up result, hostile names included, for the tests of the report. */
import { Keyed } from "@igm/tensor"
import {
  type Choice,
  type CurveEpoch,
  IgmReport,
  type MethodScores,
  Png,
  Report,
  type SampleView,
  type Scores,
  Statistics
} from "../src/index.ts"

const CLASSES = ["zero", "one", '<two> & "three"']
const N = 90

const methodsOf = (labels: ReadonlyArray<number>): ReadonlyArray<MethodScores> => {
  const stream = Keyed.stream(["report"])
  const method = (name: string, skill: number): MethodScores => ({
    name,
    description: `about ${name}`,
    selectedBy: "accuracy",
    trainings: [1, 2, 3].map((seed) => {
      const predicted = labels.map((label) => (stream.uniform() < skill ? label : Keyed.below(stream, 3)))
      const accuracy = predicted.filter((p, i) => p === labels[i]).length / N
      return {
        seed,
        accuracy,
        macroF1: accuracy - 0.01,
        meanAveragePrecision: accuracy + 0.01,
        calibrationError: 0.1,
        predicted
      }
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

export const choice: Choice.Choice = {
  by: "meanAveragePrecision",
  seeds: [1, 2],
  folds: [{ train: 830 }, { train: 840 }, { train: 835 }],
  settings: [
    { setting: { tau: 0.1, rho: 1e-15 }, scores: [0.5, 0.6, 0.7], mean: 0.6, error: 0.0577 },
    { setting: { tau: 0.1, rho: 0.0001 }, scores: [0.6, 0.6, 0.7], mean: 0.6333, error: 0.0333 }
  ],
  chosen: 1,
  runnerUp: { place: 0, difference: 0.0333, error: 0.0333, beyond: false }
}

/** What a report is made of that every test may have otherwise. */
export interface Parts {
  readonly scores: Scores
  readonly choice?: Choice.Choice
}

/** A report with all sections that there are, but for those of one's own. */
export const report = ({ scores: given = scores(), choice }: Partial<Parts> = {}): Report.Report => {
  const comparisons = Statistics.compare(given, ["A", "B"])
  return Report.make("A made-up <result>", [
    Report.run("made-up-1"),
    Report.headline(given, comparisons),
    Report.protocol(["Frozen features: not comparable with published end-to-end numbers.", "Selection on <valid>."]),
    Report.leaderboard(given),
    ...(choice === undefined ? [] : [Report.choice(choice)]),
    Report.comparisons(comparisons),
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
