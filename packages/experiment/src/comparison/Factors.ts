/**
 * The factors in which methods differ: gradient modification, sharpness, mixup, fusion and others, as their settings have
 * them. Two methods that differ in one factor are a control: their difference is what this factor gives. A factor that
 * does nothing, such as modification at τ = 0, counts as one that is not there.
 */
import { Fusion, type Method } from "@igm/gradient"
import { Digest } from "@igm/tensor"
import { Option, Schema } from "effect"

/** The settings of a method by factor; those that do nothing are null. */
export type Factors = { readonly [factor: string]: Digest.Json }

/** A difference of two methods in a factor. */
export interface Difference {
  readonly factor: string
  readonly of: Digest.Json
  readonly against: Digest.Json
}

const Modification = Schema.Struct({ tau: Schema.Literal(0) })

const Unperturbed = Schema.Struct({ rho: Schema.Record(Schema.String, Schema.Literal(0)) })

const nothing: { readonly [factor: string]: (setting: unknown) => boolean } = {
  modification: Schema.is(Modification),
  sharpness: Schema.is(Unperturbed),
  mixup: Schema.is(Schema.Record(Schema.String, Schema.Never))
}

const Settings = Schema.Record(Schema.String, Schema.Json)

const Heads = Schema.Record(Schema.String, Schema.Json)

/** The number of heads whose predictions are fused. */
const headsOf = (settings: Factors): number => {
  const heads = Schema.decodeUnknownOption(Heads)(settings["heads"])
  return Option.isSome(heads) ? Object.keys(heads.value).length : 1
}

/** The factors of a method; the fusion of a single head is none. */
export const of = ({ settings }: Pick<Method.Method, "settings">): Factors => {
  const found = Schema.decodeUnknownOption(Settings)(settings)
  if (Option.isNone(found)) return {}
  const all = Object.entries(found.value).map(([factor, setting]) => [
    factor,
    nothing[factor]?.(setting) === true ? null : setting
  ])
  const factors = Object.fromEntries(all) as Factors
  return headsOf(factors) > 1 ? factors : { ...factors, fusion: null }
}

/** The factors in which a method differs from another. */
export const between = (of: Factors, against: Factors): ReadonlyArray<Difference> =>
  [...new Set([...Object.keys(of), ...Object.keys(against)])].flatMap((factor) => {
    const [a, b] = [of[factor] ?? null, against[factor] ?? null]
    return Digest.canonicalJson(a) === Digest.canonicalJson(b) ? [] : [{ factor, of: a, against: b }]
  })

const words: { readonly [factor: string]: string } = {
  modification: "gradient modification",
  sharpness: "sharpness",
  mixup: "mixup",
  fusion: "fusion",
  schedule: "learning-rate schedule",
  turnStart: "start of a turn",
  optimizer: "optimizer",
  rule: "gradient rule",
  batch: "batch size",
  selection: "selection of the epoch",
  turns: "turns",
  heads: "heads"
}

/** The name of a factor in words. */
export const inWords = (factor: string): string => words[factor] ?? factor

const fusions: { readonly [F in Fusion.Fusion]: string } = {
  mean: "mean of softmaxes",
  sum: "sum of logits",
  entropy: "entropy weights"
}

const isFusion = Schema.is(Schema.Literals(Fusion.fusions))

/** A fusion in words. */
export const fusionInWords = (fusion: Fusion.Fusion): string => fusions[fusion]

/** The fusion of a method in words; undefined for a method of one head. */
export const fusionOf = (method: Pick<Method.Method, "settings">): string | undefined => {
  const fusion: unknown = of(method)["fusion"]
  return isFusion(fusion) ? fusions[fusion] : undefined
}

/**
 * Methods whose names tell their fusion, if they do not all have the same one, so that no row of a table differs from
 * another in a fusion that goes unsaid.
 */
export const named = <M extends Pick<Method.Method, "name" | "settings">>(
  methods: ReadonlyArray<M>
): ReadonlyArray<M> => {
  const found = methods.map(fusionOf)
  if (new Set(found.filter((fusion) => fusion !== undefined)).size < 2) return methods
  return methods.map((method, i) => {
    const fusion = found[i]
    return fusion === undefined || method.name.includes(fusion)
      ? method
      : { ...method, name: `${method.name}, ${fusion}` }
  })
}
