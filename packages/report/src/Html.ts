/** The report as one HTML page that contains everything it shows: no scripts, and nothing is fetched. */
import type { Shown } from "@igm/datasets"
import * as Choice from "./Choice.ts"
import * as Figures from "./Figures.ts"
import * as Png from "./Png.ts"
import type { Report, SampleView } from "./Report.ts"
import { compare, isDifferent, scope, verdict } from "./Statistics.ts"
import { meanAndDeviation, rows } from "./Table.ts"

/** Text as HTML. */
export const escape = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

const dataUri = (type: string, bytes: Uint8Array): string =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`

const percent = (x: number): string => {
  if (x === 0) return "0 %"
  return x < 0.000001 ? "< 0.0001 %" : `${(100 * x).toFixed(x < 0.001 ? 4 : 1)} %`
}

const style = `
:root { color-scheme: light; --ink: #1d2433; --soft: #475063; --line: #e3e7ed; --accent: #2f6fde }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: #f5f6f8; margin: 0 }
main { max-width: 960px; margin: 0 auto; padding: 40px 24px 64px }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 6px } h2 { font-size: 18px; margin: 0 0 12px }
p { margin: 0 0 12px } .soft { color: var(--soft) } code { font: 12.5px ui-monospace, Menlo, Consolas, monospace }
section { background: white; border: 1px solid var(--line); border-radius: 10px; padding: 22px 26px; margin-top: 18px }
.stamp { border-left: 4px solid #e0a62b; background: #fffaf0 } .stamp ul, ul.plain { margin: 0; padding-left: 20px }
.headline { font-size: 17px; margin: 14px 0 0 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; color: var(--soft); font-size: 13px } tr.chosen td { font-weight: 600 } td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
svg, img { max-width: 100% } svg { height: auto } .difference { font-weight: 600 }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 18px }
.sample { border: 1px solid var(--line); border-radius: 8px; padding: 14px } .sample .media { display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-end }
.sample .media img { border-radius: 4px; height: 112px; width: 112px; object-fit: contain } .sample .media img.tiny { image-rendering: pixelated } .sample audio { width: 100%; height: 30px; margin-bottom: 10px } .sample blockquote { margin: 0 0 10px; flex-basis: 100%; overflow-wrap: anywhere }
.said { display: grid; grid-template-columns: 62px 1fr 96px; gap: 3px 8px; align-items: center; font-size: 13px }
.bar { background: #eef0f3; border-radius: 3px; height: 9px } .bar i { display: block; height: 9px; border-radius: 3px; background: #b03a5b } .bar i.right { background: #3b9b6d }
details { border-top: 1px solid var(--line); padding: 8px 0 } summary { cursor: pointer } pre { overflow: auto; font-size: 12px; background: #f8f9fb; padding: 12px; border-radius: 6px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
`

/** A table whose first row is its head; short cells do not break. One row may be marked. */
const table = (cells: ReadonlyArray<ReadonlyArray<string>>, marked?: number): string => {
  const [head, ...body] = cells
  const row = (cells: ReadonlyArray<string>, i: number) =>
    `<tr${i === marked ? ' class="chosen"' : ""}>${cells.map((cell, i) => `<td${i > 0 && cell.length < 24 ? ' class="number"' : ""}>${escape(cell)}</td>`).join("")}</tr>`
  return `<table><thead><tr>${head!.map((cell) => `<th>${escape(cell)}</th>`).join("")}</tr></thead><tbody>${body.map(row).join("")}</tbody></table>`
}

/** Groups of a split that are named. */
const GROUPS = 24

const list = (lines: ReadonlyArray<string>): string =>
  `<ul class="plain">${lines.map((line) => `<li>${line}</li>`).join("")}</ul>`

const section = (title: string, ...content: ReadonlyArray<string>): string =>
  `<section><h2>${escape(title)}</h2>${content.join("\n")}</section>`

/** A sample's picture, sound or words. */
const shown = (alt: string, media: Shown.Shown): string => {
  if (media.kind === "text") return `<blockquote>${escape(media.text)}</blockquote>`
  const bytes = dataUri(media.type, media.bytes)
  if (media.kind === "image") return `<img${media.tiny ? ' class="tiny"' : ""} alt="${alt}" src="${bytes}">`
  const { spectrogram } = media
  const picture = spectrogram && Png.heatMap(spectrogram.rows, spectrogram.columns, spectrogram.data)
  const map = picture && `<img alt="spectrogram, ${alt}" src="${dataUri("image/png", picture)}">`
  return `${map ?? ""}<audio controls preload="none" src="${bytes}"></audio>`
}

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
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>${escape(report.title)}</title><style>${style}</style></head>
<body><main>
${content.join("\n")}
</main></body></html>
`
}
