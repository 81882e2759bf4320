/** The drawing of Vega-Lite specifications as SVG. Nothing is loaded from anywhere, and the same specification always gives the same text. */
import { Effect } from "effect"
import type { Config, TopLevelSpec } from "vega-lite"
import type { Chart } from "../Block.ts"
import { ReportError } from "../ReportError.ts"

/** The look of all charts; a specification's own `config` goes over it. */
const config: Config = {
  background: "white",
  font: "system-ui, sans-serif",
  axis: { grid: true, gridColor: "#eef0f3", domainColor: "#c9ced6", tickColor: "#c9ced6", labelColor: "#475063" },
  title: { anchor: "start", color: "#1d2433", fontSize: 13, fontWeight: 600 },
  header: { labelColor: "#1d2433", labelFontSize: 12, labelFontWeight: 600, title: null },
  legend: { labelColor: "#475063", titleColor: "#475063", orient: "bottom", symbolStrokeWidth: 3 },
  range: { category: ["#2f6fde", "#e0662b", "#3b9b6d", "#8a5cc9", "#7b8494", "#b03a5b"] }
}

/** Something that refuses every address, and keeps it. */
const refuser = () => {
  const refused: Array<string> = []
  const refuse = (address: unknown): Promise<never> => {
    refused.push(String(address))
    return Promise.reject(new Error("a report loads nothing"))
  }
  return { refused, loader: { load: refuse, sanitize: refuse, http: refuse, file: refuse } }
}

/** Vega's warnings are about how a chart looks, and nobody reads them here. */
const silent = () => {
  const log = { level: () => log, error: () => log, warn: () => log, info: () => log, debug: () => log }
  return log
}

/**
 * The SVG with ids of its own. Vega counts them through the whole process, so that a chart's text would depend on what was
 * drawn before it.
 */
const withOwnIds = (name: string, svg: string): string => {
  const ids = [...new Set(Array.from(svg.matchAll(/ id="([\w-]+)"/g), ([, id]) => id!))]
  return svg.replaceAll(/( id="|url\(#|href="#)([\w-]+)/g, (whole, before: string, id: string) =>
    ids.includes(id) ? `${before}${name}-${ids.indexOf(id)}` : whole
  )
}

const svgOf = async ({ name, spec }: Pick<Chart, "name" | "spec">): Promise<string> => {
  // Loaded where they are needed: a run that was finished before draws nothing.
  const [{ View, parse }, { compile }] = await Promise.all([import("vega"), import("vega-lite")])
  const { refused, loader } = refuser()
  const own = (spec["config"] ?? {}) as Config
  // Vega marks the rows that it draws, and these are the report's.
  const whole = structuredClone({ ...spec, config: { ...config, ...own } }) as object as TopLevelSpec
  const view = new View(parse(compile(whole, { logger: silent() }).spec), {
    renderer: "none",
    loader,
    logger: silent()
  })
  const svg = await view.toSVG()
  view.finalize()
  if (refused.length > 0) throw new Error(`it asks for ${refused[0]}, and a report loads nothing`)
  return withOwnIds(name, svg)
}

/** The SVG of a chart. Fails with a `ReportError` where it cannot be drawn. */
export const svg = Effect.fn("Chart.svg")(({ name, spec }: Pick<Chart, "name" | "spec">) =>
  Effect.tryPromise({
    try: () => svgOf({ name, spec }),
    catch: (cause) =>
      new ReportError({ at: `the chart "${name}"`, problem: `it cannot be drawn: ${(cause as Error).message}` })
  })
)
