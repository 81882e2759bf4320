/**
 * The explanation of a comparison's rows by their ingredients: pairs of methods that differ in one factor show what it
 * gives; of other pairs it is only said in what they differ.
 */
import type { Digest } from "@igm/tensor"
import type { Method } from "@igm/gradient"
import { Option, Schema } from "effect"
import * as Factors from "./Factors.ts"

type Described = Pick<Method.Method, "name" | "settings">

const numberOf = (key: string) => (setting: Digest.Json) => {
  const found = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Json))(setting)
  return Option.isSome(found) ? found.value[key] : undefined
}

const distinct = (values: ReadonlyArray<unknown>) => [...new Set(values.map(String))].join(" and ")

/** A setting of a factor in a few words. */
const settingOf = (factor: string, setting: Digest.Json): string => {
  if (setting === null) return "none"
  if (factor === "modification") return `τ = ${String(numberOf("tau")(setting))}`
  if (factor === "sharpness") return `ρ = ${distinct(Object.values(Object(numberOf("rho")(setting)) as object))}`
  if (factor === "mixup") return `α = ${distinct(Object.values(Object(setting) as object))}`
  if (factor === "optimizer") return `rate ${String(numberOf("rate")(setting))}`
  return typeof setting === "string" || typeof setting === "number" ? String(setting) : ""
}

/** "gradient modification, τ = 0.4". */
const change = ({ factor, of, against }: Factors.Difference): string => {
  const [a, b] = [settingOf(factor, of), settingOf(factor, against)]
  const name = Factors.inWords(factor)
  if (against === null) return a === "" ? name : `${name}, ${a}`
  return a === "" || a === b ? `another ${name}` : `${name}, ${a} instead of ${b}`
}

/** The pairs of methods that differ in one factor, the one that has it first. */
export const controls = (methods: ReadonlyArray<Described>) => {
  const all = methods.map((method) => ({ name: method.name, factors: Factors.of(method) }))
  return all.flatMap((a, i) =>
    all.slice(i + 1).flatMap((b) => {
      const differences = Factors.between(a.factors, b.factors)
      if (differences.length !== 1) return []
      const isFirst = differences[0]!.of !== null
      const [one, other] = isFirst ? [a, b] : [b, a]
      const [difference] = Factors.between(one.factors, other.factors)
      return [
        {
          name: `${change(difference!)} (${one.name} − ${other.name})`,
          weights: { [one.name]: 1, [other.name]: -1 }
        }
      ]
    })
  )
}

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)!}`

/** Sentences about the pairs of compared methods that differ in several factors, which no difference can tell apart. */
export const remarks = (methods: ReadonlyArray<Described>, compared: ReadonlyArray<string>): ReadonlyArray<string> => {
  const factors = (name: string) => Factors.of(methods.find((method) => method.name === name)!)
  return compared.flatMap((name) => {
    const several = methods.flatMap((other) => {
      if (other.name === name) return []
      const differences = Factors.between(factors(name), Factors.of(other))
      // Other heads are another method; nobody takes them for a control.
      const isOther = differences.some(({ factor }) => factor === "heads")
      return differences.length < 2 || isOther ? [] : [{ other: other.name, differences }]
    })
    return [
      ...Map.groupBy(several, ({ differences }) =>
        listed(differences.map(({ factor }) => Factors.inWords(factor)).toSorted())
      )
    ].map(
      ([words, own]) =>
        `${name} against ${own.map(({ other }) => other).join("; ")}: they differ in ${words}, so that no difference is due to one of these alone.`
    )
  })
}
