/** The report as one HTML page that contains everything it shows: no scripts, and nothing is fetched. */
import * as Choice from "./Choice.ts"
import * as Figures from "./Figures.ts"
import { document, escape, list, section, shown, table } from "./Page.ts"
import type { Report, SampleView } from "./Report.ts"
import { compare, isDifferent, scope, verdict } from "./Statistics.ts"
import { meanAndDeviation, rows } from "./Table.ts"

const percent = (x: number): string => {
  if (x === 0) return "0 %"
  return x < 0.000001 ? "< 0.0001 %" : `${(100 * x).toFixed(x < 0.001 ? 4 : 1)} %`
}

/** Groups of a split that are named. */
const GROUPS = 24

const sample = (classes: ReadonlyArray<string>, view: SampleView): string => {
  const said = view.said.map(({ by, probabilities }) => {
    const numbers = Array.from(probabilities)
    const top = numbers.indexOf(Math.max(...numbers))
    const width = (100 * numbers[top]!).toFixed(0)
    const right = top === view.label ? ' class="right"' : ""
    return `<span>${escape(by)}</span><span class="bar"><i${right} style="width:${width}%"></i></span><span>${escape(classes[top]!)} ${numbers[top]!.toFixed(2)}</span>`
  })
  const alt = escape(classes[view.label]!)
  const media = Object.entries(view.media).map(([modality, media]) => shown(`${escape(modality)} of ${alt}`, media))
  return `<div class="sample"><p><strong>${alt}</strong> <span class="soft">${escape(view.id)} · ${escape(view.group)}</span></p>
<div class="media">${media.join("")}</div>
<div class="said">${said.join("")}</div></div>`
}

/** Averages over the seeds, stage by stage, of what modification and perturbation did. */
const ledgerRows = ({ epochs, modifications, compared }: Report): ReadonlyArray<ReadonlyArray<string>> => {
  const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  const body = compared.flatMap((method) => {
    const stages = [...new Set(epochs.filter((epoch) => epoch.method === method).map(({ stage }) => stage))]
    return stages.map((stage) => {
      const of = epochs.filter((epoch) => epoch.method === method && epoch.stage === stage)
      const begun = modifications.filter((one) => one.method === method && one.stage === stage)
      const ranks = (begun[0]?.effectiveRank ?? []).map((_, l) =>
        mean(begun.map((one) => one.effectiveRank[l]!)).toFixed(2)
      )
      return [
        method,
        `${stage}: ${of[0]!.head}`,
        begun[0]?.from ?? "nobody",
        percent(mean(of.map(({ shareRemoved }) => shareRemoved))),
        mean(of.map(({ cosine }) => cosine)).toFixed(4),
        ranks.length === 0 ? "–" : ranks.join(" / "),
        percent(mean(of.map(({ shareMoved }) => shareMoved)))
      ]
    })
  })
  return [
    ["method", "stage", "modified by", "gradient removed", "cosine", "effective rank of I − P", "weights moved"],
    ...body
  ]
}

const headline = (report: Report): string => {
  const [first] = report.methods
  const accuracy = meanAndDeviation(first.trainings.map((training) => training.accuracy))
  const own = compare(report).filter(({ method }) => method === first.name)
  const open = own.filter((comparison) => !isDifferent(comparison)).map(({ against }) => against)
  const shown = own.filter(isDifferent).map((one) => `${one.difference > 0 ? "above" : "below"} ${one.against}`)
  const rest = open.length === 0 ? "" : `; no difference that these data can show from ${open.join(", ")}`
  return `${first.name}: test accuracy ${accuracy} over ${first.trainings.length} seeds${shown.length === 0 ? "" : `; ${shown.join(", ")}`}${rest}.`
}

const choice = ({ choice }: Report): ReadonlyArray<string> => {
  if (choice === undefined) return []
  const scope = `<p class="soft">${escape(Choice.scope(choice).join(" "))}</p>`
  const verdict = `<p class="headline">${escape(Choice.verdict(choice).join(" "))}</p>`
  return [section(Choice.title(choice), scope, table(Choice.rows(choice), choice.chosen), verdict)]
}

/** The page. */
export const page = async (report: Report): Promise<string> => {
  const figures: Record<string, string> = {}
  for (const [name, spec] of Object.entries(Figures.all(report))) figures[name] = await Figures.render(spec)
  const comparisons = compare(report).map((comparison) => {
    const text = escape(verdict(comparison))
    return isDifferent(comparison) ? `<span class="difference">${text}</span>` : text
  })
  const splits = report.splits.map(({ split, samples, groups }) => [
    split,
    String(samples),
    `${groups.length}: ${groups.slice(0, GROUPS).join(", ")}${groups.length > GROUPS ? ", …" : ""}`
  ])
  const content = [
    `<h1>${escape(report.title)}</h1>`,
    `<p class="soft">Run <code>${escape(report.runId)}</code></p>`,
    `<p class="headline">${escape(headline(report))}</p>`,
    `<section class="stamp"><h2>Protocol</h2>${list(report.protocol.map(escape))}</section>`,
    section("Results on the test split", table(rows(report)), figures["results"] ?? ""),
    ...choice(report),
    section("Paired comparisons", `<p class="soft">${escape(scope)}</p>`, list(comparisons)),
    section(
      "Methods",
      list(report.methods.map(({ name, description }) => `<strong>${escape(name)}</strong>: ${escape(description)}`))
    ),
    ...("curves" in figures ? [section("Learning curves", figures["curves"])] : []),
    section(
      "What gradient modification really did",
      `<p class="soft">Measured on the first batch of every epoch and averaged over epochs and seeds. <em>Gradient removed</em> is ‖G − G P‖/‖G‖ over all weights; <em>cosine</em> is that of the angle between G and G P. The <em>effective rank of I − P</em>, layer by layer, counts the directions that P shrinks. <em>Weights moved</em> is the share of weights that the perturbation ρ changes at all in float32.</p>`,
      table(ledgerRows(report)),
      figures["ledger"] ?? "",
      report.notes.length === 0 ? "" : list(report.notes.map(escape))
    ),
    section(`Confusion matrix of ${report.methods[0].name}`, figures["confusion"] ?? ""),
    section(
      "Samples of the test split",
      `<div class="samples">${report.samples.map((view) => sample(report.classes, view)).join("")}</div>`
    ),
    section("Data", table([["split", "samples", "groups"], ...splits])),
    section(
      "Settings",
      ...report.settings.map(
        ({ name, json }) => `<details><summary>${escape(name)}</summary><pre>${escape(json)}</pre></details>`
      )
    ),
    section(
      "Versions and digests",
      `<dl>${Object.entries(report.facts)
        .map(([name, value]) => `<dt>${escape(name)}</dt><dd><code>${escape(value)}</code></dd>`)
        .join("")}</dl>`
    )
  ]
  return document(report.title, content)
}
