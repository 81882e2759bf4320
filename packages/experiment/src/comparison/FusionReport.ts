/** The same trained heads under each fusion: a table, and what another fusion gives, averaged over the methods. */
import type { Dataset } from "@igm/datasets"
import { type Features, Fusion } from "@igm/gradient"
import { Report, type Section, Statistics } from "@igm/report"
import * as Evaluate from "../training/Evaluate.ts"
import * as Factors from "./Factors.ts"

/** A method under a fusion, as a name. */
const under = (method: string, fusion: Fusion.Fusion) => `${method}, ${Factors.fusionInWords(fusion)}`

/** The sections; none where no method fuses several heads. */
export const sections = (
  evaluation: Evaluate.Evaluation<Features.Dims>,
  dataset: Pick<Dataset.Dataset<string>, "classes">,
  options: { readonly margin?: number } = {}
): ReadonlyArray<Section.Section> => {
  const fusing = evaluation.methods.filter(({ method }) => Factors.fusionOf(method) !== undefined)
  if (fusing.length === 0) return []
  const byFusion = Fusion.fusions.map((fusion) => ({
    fusion,
    scores: Evaluate.scores(Evaluate.fuse({ ...evaluation, methods: fusing }, fusion), dataset)
  }))
  const { scores: first } = byFusion[0]!
  const by = first.methods[0]!.selectedBy
  const all = byFusion.flatMap(({ fusion, scores }) =>
    scores.methods.map((method) => ({ ...method, name: under(method.name, fusion) }))
  )
  const resamples = Statistics.Resamples.of({ ...first, methods: all }, { metrics: [by] })
  const [plain, ...others] = Fusion.fusions
  const contrasts = others.map((fusion) => ({
    name: `${Factors.fusionInWords(fusion)} instead of ${Factors.fusionInWords(plain)}, the same heads, all methods alike`,
    weights: Object.fromEntries(
      first.methods.flatMap(({ name }) => [
        [under(name, fusion), 1 / fusing.length],
        [under(name, plain), -1 / fusing.length]
      ])
    )
  }))
  const scoresOf = (name: string, fusion: Fusion.Fusion) =>
    all.find((method) => method.name === under(name, fusion))!.trainings.map((training) => training[by])
  return [
    Report.table(
      "The same heads under each fusion",
      ["", ...Fusion.fusions.map(Factors.fusionInWords)],
      first.methods.map(({ name }) => [
        name,
        ...Fusion.fusions.map((fusion) => Statistics.meanAndDeviation(scoresOf(name, fusion)))
      ])
    ),
    Report.contrasts("What fusion gives", resamples, contrasts, {
      ...options,
      by,
      terminal: "What fusion gives:",
      remarks: ["The epochs are those that each method's own fusion selected."]
    })
  ]
}
