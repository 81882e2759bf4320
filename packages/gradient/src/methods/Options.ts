/**
 * The check of a method's options, made before anything else. The error names the option: a number outside its domain,
 * a modality that does not exist, or an unknown option.
 */
import { Name, Setting, type Split } from "@igm/tensor"
import { Schema } from "effect"
import { fusions } from "../Fusion.ts"
import * as Head from "../step/Head.ts"
import type { Heads, Options } from "./Igm.ts"
import * as Optimizer from "../step/Optimizer.ts"
import * as Ring from "./Ring.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Selection from "./Selection.ts"
import * as Sharpness from "../step/Sharpness.ts"

const { nonNegative, positive, oneOf } = Setting

/** Values by name, for some or for all of the names. */
const someOf = <S extends Schema.Top>(names: ReadonlyArray<string>, schema: S) =>
  Schema.Struct(Object.fromEntries(names.map((name) => [name, Schema.optional(schema)])))
const allOf = <S extends Schema.Top>(names: ReadonlyArray<string>, schema: S) =>
  Schema.Struct(Object.fromEntries(names.map((name) => [name, schema])))

const form = Sharpness.domain.fields

const turnStart = Schema.Struct({
  weights: oneOf(["last", "best"]),
  optimizer: oneOf(["carried", "fresh"])
})

const switches = (modalities: ReadonlyArray<string>) =>
  Schema.Struct({
    sharpness: Schema.optional(
      Schema.NullOr(
        Schema.Struct({
          norm: Schema.optional(form.norm),
          restored: Schema.optional(form.restored),
          share: Schema.optional(form.share),
          labels: Schema.optional(form.labels),
          strictNaN: Schema.optional(form.strictNaN)
        })
      )
    ),
    mixup: Schema.optional(someOf(modalities, positive)),
    fusion: Schema.optional(oneOf(fusions)),
    matching: Schema.optional(oneOf(["position", "shape"])),
    moment: Schema.optional(oneOf(["anew", "accumulated"])),
    schedule: Schema.optional(Schedule.domain),
    turnStart: Schema.optional(turnStart),
    strictNaN: Schema.optional(Schema.Boolean)
  })

/** The schema of the options of methods; ρ is required only by methods with a perturbation. */
const domain = ({ heads, ring, rho }: Partial<Options<Heads, Split.Split>>, needsRho: boolean) => {
  const modalities = Object.keys(heads ?? {})
  const radius = typeof rho === "object" ? allOf(ring?.order ?? [], nonNegative) : nonNegative
  return Schema.Struct({
    heads: allOf(modalities, Head.domain),
    ring: Ring.domain(ring?.order ?? []),
    selection: Selection.domain,
    batch: Setting.count,
    optimizer: Schema.optional(Optimizer.domain),
    fusion: Schema.optional(oneOf(fusions)),
    tau: Schema.optional(nonNegative),
    rho: needsRho ? radius : Schema.optional(radius),
    switches: Schema.optional(switches(modalities))
  })
}

/** Checks the options of a method. Throws a `SettingError`, or a `NameError` for what cannot be a modality's name. */
export const checkOptions = (
  of: string,
  options: Partial<Options<Heads, Split.Split>>,
  { needsRho = false }: { readonly needsRho?: boolean } = {}
): void => {
  for (const modality of Object.keys(options.heads ?? {})) Name.key("the name of a modality", modality)
  Setting.check(of, domain(options, needsRho) as Schema.Codec<unknown>, options)
  const unknown = (options.ring?.order ?? []).find((modality) => !(modality in (options.heads ?? {})))
  if (unknown === undefined) return
  const domain_ = `a head to ${Name.shown(unknown)}, which the ring names`
  throw new Setting.SettingError({
    of,
    setting: "heads",
    value: Object.keys(options.heads ?? {}).join(", "),
    domain: domain_
  })
}
