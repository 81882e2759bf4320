/** A made-up result, hostile names included, for the tests of the report. */
import { Keyed } from "@igm/tensor"
import { Png, type Report } from "../src/index.ts"

const CLASSES = ["zero", "one", '<two> & "three"']
const N = 90

export const report = (): Report => {
  const stream = Keyed.stream(["report"])
  const labels = Array.from({ length: N }, (_, i) => i % 3)
  const method = (name: string, skill: number): Report["methods"][number] => ({
    name,
    description: `about ${name}`,
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
  const epochs = ["A", "B"].flatMap((method) =>
    [1, 2, 3].flatMap((seed) =>
      Array.from({ length: 8 }, (_, e) => ({
        method,
        seed,
        stage: 1 + Math.floor(e / 2),
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
  return {
    title: "A made-up <result>",
    runId: "made-up-1",
    classes: CLASSES,
    protocol: ["Frozen features: not comparable with published end-to-end numbers.", "Selection on <valid>."],
    splits: [{ split: "train", samples: 10, groups: ["a & b"] }],
    labels,
    methods: [method("A", 0.8), method("B", 0.79), method("chance", 0)],
    compared: ["A", "B"],
    epochs,
    modifications: [{ method: "A", seed: 1, stage: 2, head: "image", from: "audio", effectiveRank: [1.2, 1.3, 4] }],
    notes: ["layer 1 has no partner <script>"],
    confusion: CLASSES.map((_, i) => CLASSES.map((_, j) => (i === j ? 25 : 5))),
    samples: [
      {
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
        said: [{ by: "audio", probabilities: [0.1, 0.2, 0.7] }]
      }
    ],
    settings: [{ name: "A", json: '{"html":"</pre><script>alert(1)</script>"}' }],
    facts: { node: "v22" }
  }
}
