/** Addresses in Vega-Lite specifications: a report holds everything that it shows, and asks nobody for it. */
import { type Schema } from "effect"

/** Tells members that hold rows of a chart's own, in which nothing is an address. */
const isOwn = (name: string): boolean => name === "values" || name === "datasets"

/**
 * An address that a specification would load data, pictures or links from, if it names one: whatever stands under `url` or
 * `href`. Inside of the chart's own rows these are columns like any other.
 */
export const addressIn = (spec: Schema.Json): string | undefined => {
  if (spec === null || typeof spec !== "object") return undefined
  for (const [name, value] of Object.entries(spec)) {
    if (isOwn(name)) continue
    if (name === "url" || name === "href") return typeof value === "string" ? value : JSON.stringify(value)
    const found = addressIn(value as Schema.Json)
    if (found !== undefined) return found
  }
  return undefined
}
