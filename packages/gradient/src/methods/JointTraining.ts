/**
 * Joint training: methods that train all heads on the same batches, with their logits summed, and differ in how they
 * balance them.
 */
import { type Digest, Setting, type Split } from "@igm/tensor"
import { Schema } from "effect"
import * as Balances from "./Balances.ts"
import { type Features, sideBySide, targetsOf } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import * as GradientNoise from "./GradientNoise.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import { type Drawn, type HostTensor, type Method, rowsOf } from "../Method.ts"
import { type Named, mapNamed } from "../ops/Ops.ts"
import { checkOptions } from "./Options.ts"
import * as Optimizer from "../step/Optimizer.ts"
import type { Ring } from "./Ring.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Turns from "./Turns.ts"
import * as Variant from "./Variant.ts"
import * as JointStep from "../step/JointStep.ts"

/**
 * Options of joint training: those of IGM without its own. All heads train for as many epochs as the modality that has
 * most of them in turns.
 */
export type Options<H extends Igm.Heads, S extends Split.Split = "valid"> = Pick<
  Igm.Options<H, S>,
  "heads" | "ring" | "selection" | "batch" | "optimizer" | "fusion"
>

/** The largest number of epochs that a modality has in its turns. */
export const epochsOf = <M extends string>({ rounds, epochs, order }: Ring<M>): number =>
  Math.max(...order.map((modality) => rounds * epochs[modality]))

/** The optimizer's state of all heads before the first step. */
export const memoryOf = (optimizer: Optimizer.Optimizer, heads: Igm.Heads): Named<HostTensor> =>
  Object.assign(
    {},
    ...Object.entries(heads).map(([name, head]) => Turns.allWithin(name, Optimizer.start(optimizer, Head.shapes(head))))
  )

/** The work of all heads in a turn of joint training. */
export const worker = (options: Options<Igm.Heads, Split.Split>, balance: JointStep.Balance) => {
  const { heads, batch } = options
  const optimizer = options.optimizer ?? Igm.sgd
  const step = JointStep.make({ heads, batch, optimizer: optimizer.kind, balance })
  const state = Object.entries(heads).flatMap(([name, head]) =>
    Object.entries(Turns.trained(optimizer, name, head)).map(([local, whole]) => [JointStep.at(name, local), whole])
  )
  return (
    job: Drawn & { readonly train: Features<"train", { readonly [modality: string]: number }> },
    numbers: Named<number>
  ): Omit<Turns.Work, "events"> => {
    const { train, seed } = job
    const tables: Named<HostTensor> = {
      Y: targetsOf(train),
      ...Object.fromEntries(Object.keys(heads).map((name) => [`X/${name}`, sideBySide(train, [name])])),
      ...mapNamed({ ...Optimizer.inputs(optimizer), ...numbers }, Float64.ops.scalar)
    }
    const plain = (epoch: number) => Turns.drawsOf(job, epoch, batch)
    const common = { step, state: Object.fromEntries(state) }
    if (balance.noise === null) return { ...common, inputs: () => tables, draws: plain }
    const { noise } = balance
    const noiseIn = (epoch: number) =>
      GradientNoise.of(heads, noise, seed, epoch, Math.floor(rowsOf(job).length / batch))
    return {
      ...common,
      inputs: (epoch) => ({ ...tables, ...noiseIn(epoch).tables() }),
      draws: (epoch) => {
        const { steps, values } = plain(epoch)
        return { steps, values: { ...values, ...noiseIn(epoch).draws() } }
      }
    }
  }
}

/** The part of a plan that is common to all methods that train heads jointly; by default, they fuse as they train, by the sum of logits. */
export const shared = <H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  settings: { readonly name: string; readonly description: string; readonly [setting: string]: unknown },
  heads: Named<Turns.HeadOf<Igm.WidthsOf<H>>> = Igm.headsOf(options.heads).heads
) => {
  const optimizer = options.optimizer ?? Igm.sgd
  const { widths } = Igm.headsOf(options.heads)
  const { name, description, ...rest } = settings
  const all = {
    fusion: options.fusion ?? ("sum" as const),
    optimizer,
    schedule: Schedule.divideOnPlateau,
    selection: options.selection
  }
  return {
    name,
    description,
    settings: { heads, batch: options.batch, ring: options.ring, ...all, ...rest } as unknown as Digest.Json,
    widths,
    heads,
    memory: memoryOf(optimizer, options.heads),
    ...all
  }
}

/** A balance with its numbers, for some of the epochs. */
interface Part {
  readonly epochs: number
  readonly balance: JointStep.Balance
  readonly numbers: Named<number>
}

/** A method that trains all heads together, by one balance after another. */
const balanced = <H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  settings: { readonly name: string; readonly description: string; readonly [setting: string]: unknown },
  partsOf: (epochs: number) => readonly [Part, ...ReadonlyArray<Part>]
): Method<Igm.WidthsOf<H>, S> => {
  checkOptions(settings.name, options)
  const turnOf = ({ epochs, balance, numbers }: Part): Turns.Turn<Igm.WidthsOf<H>, S> => {
    const work = worker(options, balance)
    return {
      name: "all heads",
      epochs,
      selects: true,
      enter: (_, training) => training,
      work: (job) => ({ ...work(job, numbers), events: [] })
    }
  }
  const [first, ...rest] = partsOf(epochsOf(options.ring))
  return Turns.make<Igm.WidthsOf<H>, S>({
    ...shared(options, { ...settings, balance: first.balance.name, numbers: first.numbers }),
    turns: [turnOf(first), ...rest.map(turnOf)]
  })
}

/** The loss of the sum of logits alone. */
export const plain = <const H extends Igm.Heads, S extends Split.Split>(options: Options<H, S>) =>
  balanced(
    options,
    { name: "sum of logits", description: "all heads at once, on the loss of the sum of their logits" },
    (epochs) => [{ epochs, balance: Balances.plain, numbers: {} }]
  )

/** The options of OGM-GE, besides those of its form. */
export interface OgmOptions extends Partial<Balances.OgmForm> {
  readonly alpha?: number
  /** The last epoch, counted from 0, in which gradients are changed; `null` for no end. */
  readonly until?: number | null
}

const OgmDomain = Schema.Struct({
  alpha: Setting.nonNegative,
  until: Schema.NullOr(Setting.natural),
  noise: Schema.Boolean,
  floor: Setting.nonNegative,
  tensors: Setting.oneOf(["all", "hidden weights"])
})

/** The options of OGM-GE's released code, with the α that its authors recommend for CREMA-D. */
export const ogmGeAsReleased: OgmOptions = {
  alpha: 0.8,
  until: 50,
  noise: true,
  floor: 1e-8,
  tensors: "hidden weights"
}

/**
 * OGM-GE (`Balances.ogm`), until epoch 50 as in the released code; later epochs follow the loss of the sum alone.
 * `noise: false` makes it OGM.
 */
export const ogmGe = <const H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  own: OgmOptions = {}
) => {
  const form = { ...Balances.ogmOnHeads, ...own }
  const { alpha = 0.3, until = 50, noise, floor, tensors } = form
  const name = Variant.name(noise ? "OGM-GE" : "OGM", [tensors !== "all" && tensors])
  Setting.check(name, OgmDomain, { ...form, alpha, until })
  const description = `the confident modality is slowed, on ${tensors === "all" ? "all of its tensors" : `its ${tensors}`}`
  const balance = Balances.ogm({ noise, floor, tensors })
  return balanced(options, { name, description, until, floor, tensors }, (epochs) => {
    const most = until === null ? epochs : Math.min(until + 1, epochs)
    const changed = { epochs: most, balance, numbers: { alpha } }
    return most === epochs ? [changed] : [changed, { epochs: epochs - most, balance: Balances.plain, numbers: {} }]
  })
}

const ParetoDomain = Schema.Struct({
  lengthened: Setting.oneOf(["head", "tensor"]),
  tensors: Setting.oneOf(["all", "hidden"]),
  factor: Setting.positive
})

/** MMPareto (`Balances.mmPareto`); `Balances.paretoAsReleased` are the switches of its released code. */
export const mmPareto = <const H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  own: Partial<Balances.ParetoForm> = {}
) => {
  const form = { ...Balances.paretoOnHeads, ...own }
  const { lengthened, tensors } = form
  const name = Variant.name("MMPareto", [lengthened === "tensor" && "by tensor", tensors !== "all" && tensors])
  Setting.check(name, ParetoDomain, form)
  return balanced(
    options,
    {
      name,
      description: "the gradients of the sum's loss and of each head's own, weighted so that neither is opposed",
      ...form
    },
    (epochs) => [{ epochs, balance: Balances.mmPareto(form), numbers: {} }]
  )
}
