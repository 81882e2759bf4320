/** The report of a comparison: sections computed from its results, each by a small function. */
import type { Dataset } from "@igm/datasets"
import type { Features } from "@igm/gradient"
import { type Duplicates, IgmReport, Report, type SampleView, Statistics } from "@igm/report"
import { SamplePreview } from "@igm/media"
import { Split } from "@igm/tensor"
import { Effect, Schema } from "effect"
import * as FusionReport from "./FusionReport.ts"
import * as Ingredients from "./Ingredients.ts"
import * as Evaluate from "../training/Evaluate.ts"
import * as Protocol from "./Protocol.ts"
import * as Results from "./Results.ts"
import * as Trial from "../training/Trial.ts"

type Found = Results.Comparison<Features.Dims>

const SAMPLES = 6

/** A sample of the test split, with the first method's prediction. */
const viewOf = Effect.fnUntraced(function* (
  { opened, encoders, evaluation }: Found,
  sample: Dataset.Sample<string>,
  row: number
) {
  const { logits, probabilities } = evaluation.methods[0]!.trials[0]!
  const { classes: names, modalities } = opened.dataset
  const classes = names.length
  const rowOf = (data: ArrayLike<number>) => Array.from(data).slice(row * classes, (row + 1) * classes)
  const softmax = (logits: ReadonlyArray<number>) => {
    const max = Math.max(...logits)
    const weights = logits.map((z) => Math.exp(z - max))
    const total = weights.reduce((a, b) => a + b, 0)
    return weights.map((w) => w / total)
  }
  const media = yield* Effect.forEach(Object.keys(encoders), (modality) =>
    Effect.map(SamplePreview.of(sample.media[modality]!, modalities[modality]!), (shown) => [modality, shown] as const)
  )
  const view: SampleView = {
    id: sample.id,
    group: sample.group,
    label: sample.label,
    media: Object.fromEntries(media),
    predictions: [
      ...Object.entries(logits).map(([by, z]) => ({ by, probabilities: softmax(rowOf(z.data)) })),
      { by: "together", probabilities: rowOf(probabilities.data) }
    ]
  }
  return view
})

/**
 * A number of samples, spread over the test split. The step avoids showing always the same digit, since labels repeat
 * every ten samples.
 */
const viewsOf = Effect.fnUntraced(function* (found: Found, count: number) {
  const test = found.opened.samples("test")
  const spread = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * test.length) / count) + i)
  return yield* Effect.forEach(
    spread.filter((row) => row < test.length),
    (row) => viewOf(found, test[row]!, row)
  )
})

/** Learning curves, measurements and spectra of the compared methods, and the notes of all methods. */
const trainingSections = ({ evaluation: { methods } }: Found, compared: ReadonlyArray<string>) => {
  const named = compared.flatMap((name) => methods.filter(({ method }) => method.name === name))
  const epochs = Trial.epochs(named)
  const modifications = Trial.events(named).filter((event) => event.kind === "modification")
  const notes = Trial.events(methods).flatMap((event) =>
    event.kind === "note" ? [`${event.method}, turn ${event.turn}: ${event.note}`] : []
  )
  return [
    Report.curves(epochs),
    IgmReport.ledger(
      epochs.map(({ ledger, ...event }) => ({
        ...event,
        gradientNorm: ledger["gradientNorm"] ?? 0,
        shareRemoved: ledger["shareRemoved"] ?? 0,
        cosine: ledger["cosine"] ?? 1,
        shareMoved: ledger["shareMoved"] ?? 0
      }))
    ),
    IgmReport.spectra(modifications),
    Report.notes([...new Set(notes)])
  ]
}

const Counted = Schema.Struct({ duplicates: Schema.Int })

/**
 * Contents that splits share, for data sets that were searched for duplicates: the manifest names some of them, and its
 * recipe counts all.
 */
const duplicatesOf = ({ duplicates, recipe }: Dataset.Manifest): ReadonlyArray<Duplicates> => {
  if (duplicates === undefined) return []
  const counted = Schema.decodeUnknownOption(Counted)(recipe)
  const found = counted._tag === "Some" ? counted.value.duplicates : duplicates.length
  return [{ found, named: duplicates }]
}

/** All parameters, for the report. */
const settingsOf = ({ methods, preprocessing }: Results.Results, recipe: Dataset.Manifest["recipe"]) => [
  ...methods.map(({ name, settings }) => ({ name, value: settings })),
  { name: "preprocessing", value: preprocessing },
  { name: "data recipe", value: recipe }
]

/** The digests of encoders, data, features and weights. */
const digestsOf = ({ encoders, digests }: Results.Results, data: Dataset.Manifest) => ({
  ...Object.fromEntries(
    Object.entries(encoders).map(([modality, { name, digest }]) => [`${modality} encoder`, `${name} ${digest}`])
  ),
  "digest of the data": data.digest,
  "digest of the features": digests.features,
  "digest of the final weights": digests.weights
})

/** The sections of a comparison; `compared` names the methods that are tested against the others. */
export const sections = Effect.fn("ComparisonReport.sections")(function* (
  found: Found,
  { compared, margin }: { readonly compared: ReadonlyArray<string>; readonly margin?: number | undefined }
) {
  const { opened, tuning } = found
  const { manifest } = opened
  const results = Results.of(found)
  const scores = Evaluate.scores(found.evaluation, opened.dataset)
  const resamples = Statistics.Resamples.of(scores)
  const options = margin === undefined ? {} : { margin }
  const comparisons = Statistics.compare(resamples, compared, options)
  const methods = found.evaluation.methods.map(({ method }) => method)
  return [
    Report.headline(scores, comparisons),
    Report.protocol(Protocol.of(found, scores)),
    Report.leaderboard(scores),
    ...(tuning.length === 0 ? [] : [Report.tuning(tuning), Report.trials(tuning)]),
    Report.comparisons(comparisons),
    Report.contrasts("What each ingredient gives", resamples, Ingredients.controls(methods), {
      ...options,
      by: comparisons.design.metric,
      remarks: Ingredients.remarks(methods, compared),
      figure: "ingredients",
      terminal: "What each ingredient gives:"
    }),
    ...FusionReport.sections(found.evaluation, opened.dataset, options),
    Report.differences(resamples, compared, options),
    Report.intervals(resamples),
    Report.reliability(scores, found.temperatures),
    Report.methods(scores),
    ...trainingSections(found, compared),
    Report.confusion(scores),
    Report.samples(yield* viewsOf(found, SAMPLES), scores),
    Report.splits(Split.all.map((split) => ({ split, ...manifest.splits[split] }))),
    ...duplicatesOf(manifest).map(Report.duplicates),
    Report.settings(settingsOf(results, manifest.recipe)),
    Report.facts("Digests", digestsOf(results, manifest), { surroundings: true })
  ]
})
