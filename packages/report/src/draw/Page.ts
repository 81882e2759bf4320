/** A report as one HTML page that contains everything it shows: no scripts, and nothing is fetched. */
import { Effect } from "effect"
import type { Chart } from "../Block.ts"
import { type Report, charts } from "../Report.ts"
import type { Section } from "../Section.ts"
import { escape, html as blockHtml } from "./Blocks.ts"
import { svg } from "./Chart.ts"
import { style } from "./Style.ts"

/** A section; none of one that has nothing to show. */
const sectionHtml = ({ title, view, look, folded }: Section, svgOf: (chart: Chart) => string): string => {
  if (view.length === 0) return ""
  const content = view.map((block) => blockHtml(block, svgOf)).join("\n")
  if (look === "lead") return content
  const heading = `<h2>${escape(title)}</h2>`
  const open = look === "notice" ? '<section class="stamp">' : "<section>"
  if (folded !== true) return `${open}${heading}${content}</section>`
  return `${open}<details class="whole"><summary>${heading}</summary>${content}</details></section>`
}

/** The page. Fails with a `ReportError` where a chart cannot be drawn. */
export const html = Effect.fn("Page.html")(function* (report: Report) {
  const { title, sections } = report
  const drawn = yield* Effect.forEach(Object.entries(charts(report)), ([name, spec]) =>
    Effect.map(svg({ name, spec }), (text) => [spec, text] as const)
  )
  const svgs = new Map(drawn)
  const content = sections.map((section) => sectionHtml(section, ({ spec }) => svgs.get(spec)!))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>${escape(title)}</title><style>${style}</style></head>
<body><main>
${[`<h1>${escape(title)}</h1>`, ...content.filter((part) => part !== "")].join("\n")}
</main></body></html>
`
})
