/** From a run's result to what its report shows. */
import { type Dataset, Published, Shown } from "@igm/datasets"
import { Metric, Selection } from "@igm/gradient"
import type { Manifest, Pipeline } from "@igm/experiment"
import { type Report, type SampleView, metricTitle } from "@igm/report"
import { Split } from "@igm/tensor"
import { Effect } from "effect"

const SAMPLES = 6

/** What was taken from the store, in one line. */
export const reuse = ({ artifacts }: Pipeline.Result): string => {
  const stages = [...new Set(artifacts.map(({ stage }) => stage))]
  const counts = stages.map((stage) => {
    const of = artifacts.filter((artifact) => artifact.stage === stage)
    return `${stage} ${of.filter(({ reused }) => reused).length} of ${of.length}`
  })
  return artifacts.some(({ reused }) => reused)
    ? `reused   ${counts.join(", ")}`
    : "reused   nothing: all of it was made by this run"
}

/** The metric that selects an epoch; the accuracy where a method of one's own does not say it. */
const selectedBy = (settings: unknown): Metric.Score => Selection.of(settings)?.by ?? "accuracy"

/** The metrics that select, and where they differ of which methods. */
const selectorsOf = (methods: Pipeline.Result["methods"]): string => {
  const by = Map.groupBy(methods, ({ method }) => metricTitle(selectedBy(method.settings)))
  if (by.size === 1) return [...by.keys()][0]!
  return [...by].map(([title, own]) => `${title} (${own.map(({ method }) => method.name).join(", ")})`).join(" or ")
}

const protocolOf = ({ experiment, prepared, methods, standings }: Pipeline.Result): ReadonlyArray<string> => {
  const { manifest } = prepared
  const groups = Split.all.map((split) => `${split} ${manifest.splits[split].groups.length}`).join(", ")
  const drawn = Object.entries(experiment.views?.of ?? {}).flatMap(([modality, of]) =>
    Published.compatIn(of?.settings).map((accident) => `${modality} in training: ${accident}`)
  )
  const compat = [...(manifest.compat ?? []), ...drawn]
  return [
    "Frozen features: not comparable with published end-to-end numbers.",
    `Selection: the epoch with the best ${selectorsOf(methods)} on the validation split. Reported: the test split, used once.`,
    ...(standings === null
      ? []
      : [
          "Settings: chosen by cross-validation on the training and validation samples; see the table of the selection."
        ]),
    `Data: ${manifest.name}, ${manifest.source}; seed ${manifest.seed}. Groups by split: ${groups}; shared by two splits: ${manifest.sharedGroups.length === 0 ? "none" : manifest.sharedGroups.join(", ")}.`,
    ...(manifest.source.startsWith("recordings")
      ? [`Speakers: ${Split.all.map((split) => `${split} ${manifest.splits[split].groups.join(", ")}`).join("; ")}.`]
      : []),
    ...(manifest.heldOut.length === 0
      ? []
      : [`In no split, because the encoders were trained on them: ${manifest.heldOut.join(", ")}.`]),
    ...(compat.length === 0 ? [] : [`Accidents of the released code that are reproduced: ${compat.join("; ")}.`]),
    `Seeds of the trainings: ${experiment.seeds.join(", ")}. All ${methods.length} methods see the same features.`
  ]
}

const viewOf = Effect.fn(function* (result: Pipeline.Result, sample: Dataset.Sample<string>, row: number) {
  const { said } = result.methods[0]!.outcomes[0]!
  const { classes: names, modalities } = result.experiment.dataset
  const classes = names.length
  const rowOf = (data: ArrayLike<number>) => Array.from(data).slice(row * classes, (row + 1) * classes)
  const softmax = (logits: ReadonlyArray<number>) => {
    const max = Math.max(...logits)
    const weights = logits.map((z) => Math.exp(z - max))
    const total = weights.reduce((a, b) => a + b, 0)
    return weights.map((w) => w / total)
  }
  const media = yield* Effect.forEach(Object.keys(result.experiment.encoders), (modality) =>
    Effect.map(Shown.of(sample.media[modality]!, modalities[modality]!), (shown) => [modality, shown] as const)
  )
  const view: SampleView = {
    id: sample.id,
    group: sample.group,
    label: sample.label,
    media: Object.fromEntries(media),
    said: [
      ...Object.entries(said.logits).map(([by, z]) => ({ by, probabilities: softmax(rowOf(z.data)) })),
      { by: "together", probabilities: rowOf(said.probabilities.data) }
    ]
  }
  return view
})

/** What the report of a run shows, with so many samples of the test split. */
export const reportOf = Effect.fn("Reporting.reportOf")(function* (
  result: Pipeline.Result,
  manifest: Manifest.Finished,
  { samples: shown }: { readonly samples: number } = { samples: SAMPLES }
) {
  const { experiment, prepared, features } = result
  const { labels } = features.test
  const methods = result.methods.map(({ method, outcomes }) => ({
    name: method.name,
    description: method.description,
    trainings: outcomes.map(({ seed, metrics, said }) => ({
      seed,
      ...metrics,
      predicted: Metric.predictions(said.probabilities)
    }))
  }))
  const all = result.methods.flatMap(({ method, outcomes }) =>
    outcomes.flatMap(({ seed, events }) => events.map((event) => ({ method: method.name, seed, ...event })))
  )
  const selectors = new Map(result.methods.map(({ method }) => [method.name, selectedBy(method.settings)]))
  const test = prepared.samples("test")
  // Spread over the split, and not always the same digit, since labels repeat every ten samples.
  const spread = Array.from({ length: shown }, (_, i) => Math.floor(((i + 0.5) * test.length) / shown) + i)
  const chosen = spread.filter((row) => row < test.length)
  const notes = all.flatMap((event) =>
    event.kind === "note" ? [`${event.method}, stage ${event.stage}: ${event.note}`] : []
  )
  const report: Report = {
    title: experiment.title,
    runId: manifest.id,
    classes: experiment.dataset.classes,
    protocol: protocolOf(result),
    splits: Split.all.map((split) => ({ split, ...prepared.manifest.splits[split] })),
    labels,
    ...(result.standings === null ? {} : { choice: result.standings }),
    methods: methods as unknown as Report["methods"],
    compared: experiment.compared,
    epochs: all.flatMap((event) =>
      event.kind === "epoch"
        ? [
            {
              ...event,
              selectedBy: selectors.get(event.method)!,
              selected: event.selected[selectors.get(event.method)!],
              gradientNorm: event.ledger["gradientNorm"] ?? 0,
              shareRemoved: event.ledger["shareRemoved"] ?? 0,
              cosine: event.ledger["cosine"] ?? 1,
              shareMoved: event.ledger["shareMoved"] ?? 0
            }
          ]
        : []
    ),
    modifications: all.flatMap((event) => (event.kind === "modification" ? [event] : [])),
    notes: [...new Set(notes)],
    confusion: Metric.confusion(labels, methods[0]!.trainings[0]!.predicted, experiment.dataset.classes.length),
    samples: yield* Effect.forEach(chosen, (row) => viewOf(result, test[row]!, row)),
    settings: [
      ...manifest.methods.map(({ name, settings }) => ({ name, json: JSON.stringify(settings, null, 2) })),
      { name: "preprocessing", json: JSON.stringify(manifest.preprocessing, null, 2) },
      { name: "data recipe", json: JSON.stringify(prepared.manifest.recipe, null, 2) }
    ],
    facts: {
      ...manifest.versions,
      engine: manifest.engine,
      ...Object.fromEntries(
        Object.entries(manifest.encoders).map(([modality, { name, digest }]) => [
          `${modality} encoder`,
          `${name} ${digest}`
        ])
      ),
      "digest of the data": prepared.manifest.digest,
      "digest of the features": manifest.digests.features,
      "digest of the final weights": manifest.digests.weights
    }
  }
  return report
})
