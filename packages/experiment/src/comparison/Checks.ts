/**
 * Checks of a comparison before anything is computed: names must be printable and valid as file names, seeds must be
 * valid, and the methods' heads must fit the encoders and the classes. The types ensure most of this; the checks cover
 * programs that were not typechecked, and conditions that types cannot express.
 */
import type { Dataset } from "@igm/datasets"
import type { Method } from "@igm/gradient"
import { Name, Setting } from "@igm/tensor"
import { Predicate, Schema } from "effect"
import { ExperimentError } from "../ExperimentError.ts"

type Sizes = ReadonlyArray<number | string>

/** Tells if two shapes are compatible; a named size matches any size. */
const fits = (a: Sizes, b: Sizes): boolean =>
  a.length === b.length && a.every((size, i) => typeof size === "string" || typeof b[i] === "string" || size === b[i])

/** The parts of a comparison that are checked. */
export interface Parts {
  readonly title: string
  readonly dataset: Pick<Dataset.Dataset<string>, "name" | "classes" | "modalities">
  readonly encoders: {
    readonly [modality: string]: {
      readonly name: string
      readonly width: number
      readonly input?: Sizes | undefined
    }
  }
  readonly views?:
    { readonly count: number; readonly seed: number; readonly of: { readonly [modality: string]: unknown } } | undefined
  readonly compared: ReadonlyArray<string>
  readonly seeds: ReadonlyArray<number>
  readonly margin?: number | undefined
  readonly temperature?: boolean | undefined
}

/** The parts of a method that are checked. */
type Judged = Pick<Method.Method, "name" | "settings" | "widths" | "classes" | "selectsOn">

/** The parts of a comparison by their names. */
const PARTS = [
  "title",
  "dataset",
  "encoders",
  "views",
  "methods",
  "tuning",
  "compared",
  "seeds",
  "margin",
  "temperature"
]

const list = (of: string) => ({ expected: `a list of ${of}, one at least` })

const object = (expected: string) => Schema.declare((value) => Predicate.isObject(value), { expected })

const Shapes = Schema.Struct({
  dataset: object("a data set"),
  classes: Schema.Array(Schema.Unknown)
    .annotate(list("classes"))
    .check(Schema.isMinLength(1, list("classes"))),
  modalities: object("the preprocessing of each modality"),
  encoders: object("an encoder for each modality")
})

const Numbers = Schema.Struct({
  seeds: Schema.Array(Setting.seed)
    .annotate(list("seeds"))
    .check(Schema.isMinLength(1, list("seeds"))),
  compared: Schema.Array(Schema.String).annotate({ expected: "a list of methods' names" }),
  margin: Schema.optional(Setting.positive),
  temperature: Schema.optional(Schema.Boolean)
})

const ViewNumbers = Schema.Struct({ count: Setting.count, seed: Setting.seed })

const twice = <A>(values: ReadonlyArray<A>): A | undefined => values.find((value, i) => values.indexOf(value) !== i)

const inWords = (names: ReadonlyArray<string>): string => names.map(Name.shown).join(", ")

/** Checks everything of a comparison but its methods. Throws an `ExperimentError`, `NameError` or `SettingError`. */
export const parts = (comparison: Parts): void => {
  if (!Predicate.isObject(comparison)) {
    throw new ExperimentError({ experiment: "a comparison", problem: `it has no parts: give { ${PARTS.join(", ")} }` })
  }
  const { title: name, dataset, encoders, views, seeds, compared, margin, temperature } = comparison
  Name.sentence("the title of the comparison", name)
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment: name, problem })
  }
  const unknown = Object.keys(comparison).find((part) => !PARTS.includes(part))
  if (unknown !== undefined) fail(`it has no part ${Name.shown(unknown)}: they are ${PARTS.join(", ")}`)
  Setting.check(name, Shapes, {
    dataset,
    classes: dataset?.classes,
    modalities: dataset?.modalities,
    encoders
  })
  Setting.check(name, Numbers, { seeds, compared, margin, temperature })
  const seed = twice(seeds)
  if (seed !== undefined) fail(`the seed ${seed} is given twice`)
  classes(dataset, fail)
  const modalities = Object.keys(dataset.modalities)
  for (const modality of modalities) {
    Name.key(`the name of a modality of ${dataset.name}`, modality)
    Setting.checkJson(`the preprocessing of ${modality}`, dataset.modalities[modality]!.settings)
  }
  if (Object.keys(encoders).length === 0) fail("it has no encoder: give one for each modality")
  for (const [modality, encoder] of Object.entries(encoders)) {
    if (!modalities.includes(modality)) {
      fail(
        `${Name.shown(modality)} has an encoder and is no modality of ${dataset.name}, which has ${inWords(modalities)}`
      )
    }
    if (!Predicate.isObject(encoder)) fail(`the encoder of ${modality} is none`)
    Name.printed(`the name of the encoder of ${modality}`, encoder.name)
    Setting.check(`the encoder of ${modality}`, Schema.Struct({ width: Setting.width }), { width: encoder.width })
    const [takes, gives] = [encoder.input, dataset.modalities[modality]!.shape]
    if (takes !== undefined && Array.isArray(gives) && !fits(takes, gives)) {
      const [own, other] = [takes, gives].map((shape) => `[${shape.join(", ")}]`)
      fail(`the encoder ${encoder.name} of ${modality} takes ${own}, and ${modality} is prepared as ${other}`)
    }
  }
  if (views === undefined) return
  const { count, seed: drawn, of } = views
  Setting.check(`the views of ${name}`, ViewNumbers, { count, seed: drawn })
  const other = Object.keys(of).find((modality) => !(modality in encoders))
  if (other !== undefined) fail(`views of ${Name.shown(other)} are drawn, which has no encoder`)
}

const classes = ({ name, classes }: Parts["dataset"], fail: (problem: string) => never): void => {
  Name.printed("the name of the data set", name)
  classes.forEach((one, i) => Name.printed(`the name of class ${i} of ${name}`, one))
  const same = twice(classes.map((one) => one.normalize("NFC")))
  if (same !== undefined) fail(`two classes of ${name} have the name ${Name.shown(same)}`)
}

/** Checks one method of a comparison. A method that a cross-validation only tries needs no valid file name. */
export const method = ({ title: name, dataset, encoders }: Parts, method: Judged): void => {
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment: name, problem })
  }
  if (!Predicate.isObject(method))
    fail("its methods are not all methods: give a list of what Igm.paper and others make")
  const own = Name.printed(`the name of a method of ${name}`, method.name)
  if (own in {}) fail(`a method may not be called ${Name.shown(own)}: every object has something of this name`)
  if (Name.slug(own) === "")
    fail(`the method ${Name.shown(own)} has no letter or digit in its name, which its files are named by`)
  if (method.selectsOn !== "valid") {
    fail(
      `the method ${own} selects on the ${method.selectsOn} split: an experiment's methods select on the valid split`
    )
  }
  if (method.classes !== dataset.classes.length) {
    fail(`the heads of ${own} tell ${method.classes} classes apart, and ${dataset.name} has ${dataset.classes.length}`)
  }
  for (const [modality, width] of Object.entries(method.widths)) {
    const encoder = Object.hasOwn(encoders, modality) ? encoders[modality] : undefined
    if (encoder === undefined) fail(`${own} reads ${modality}, which has no encoder`)
    if (encoder!.width !== width)
      fail(`${own} reads ${modality} ${width} wide, and its encoder gives ${encoder!.width}`)
  }
  Setting.checkJson(own, method.settings)
}

const Batch = Schema.Struct({ batch: Schema.Int })

/** Checks that the training samples make at least one full batch, for methods that declare a batch size. */
export const batches = ({ title: name }: Pick<Parts, "title">, all: ReadonlyArray<Judged>, samples: number): void => {
  for (const { name: own, settings } of all) {
    const found = Schema.decodeUnknownOption(Batch)(settings)
    if (found._tag === "None" || found.value.batch <= samples) continue
    const problem = `${own} trains in batches of ${found.value.batch}, and there are ${samples} training samples: give a smaller batch`
    throw new ExperimentError({ experiment: name, problem })
  }
}

/** Checks the methods of a comparison. Throws an `ExperimentError`, `NameError` or `SettingError`. */
export const methods = (experiment: Parts, all: ReadonlyArray<Judged>): void => {
  const { title: name, compared } = experiment
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment: name, problem })
  }
  if (!Array.isArray(all) || all.length === 0) fail("it has no methods: give a list of one at least")
  for (const one of all) method(experiment, one)
  const same = twice(all.map((one) => Name.slug(one.name)))
  if (same !== undefined) {
    const names = all.flatMap((one) => (Name.slug(one.name) === same ? [`"${one.name}"`] : [])).join(" and ")
    fail(
      `methods are told apart by their names, and ${names} are one as a file's: give one another, as in { ...method, name: "…" }`
    )
  }
  const names = all.map((one) => one.name)
  const unknown = compared.find((one) => !names.includes(one))
  if (unknown !== undefined) {
    fail(`compared has ${Name.shown(unknown)}, which is no method of it; they are ${inWords(names)}`)
  }
  const again = twice(compared)
  if (again !== undefined) fail(`compared has ${Name.shown(again)} twice`)
}
