/**
 * Joint training: methods that train all heads on the same batches, with their logits summed, and differ in how they
 * balance them.
 */
import { type Digest, Keyed, Setting, type Split, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import * as Balances from "./Balances.ts"
import { type Features, sideBySide, targetsOf } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import { type Drawn, type HostTensor, type Method, rowsOf } from "../Method.ts"
import { type Named, mapNamed } from "../ops/Ops.ts"
import { checkOptions } from "./Options.ts"
import * as Optimizer from "../step/Optimizer.ts"
import type { Ring } from "./Ring.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Turns from "./Turns.ts"
import * as JointStep from "../step/JointStep.ts"

/**
 * Options of joint training: those of IGM without its own. All heads train for as many epochs as the modality that has
 * most of them in turns.
 */
export type Options<H extends Igm.Heads, S extends Split.Split = "valid"> = Pick<
  Igm.Options<H, S>,
  "heads" | "ring" | "selection" | "batch" | "optimizer"
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

/**
 * The number of rows in a table of noise: each epoch has a new table for each tensor, from which rows are drawn with
 * replacement.
 */
const NOISE_ROWS = 256

const noiseOf = (heads: Igm.Heads, seed: number, epoch: number, steps: number) => {
  const tensors = Object.entries(heads).flatMap(([head, spec]) =>
    Object.entries(Head.shapes(spec)).map(([name, shape]) => ({ name: JointStep.at(head, name), shape }))
  )
  const normals = (columns: number, name: string) =>
    Keyed.normals(Keyed.stream([seed, "noise", epoch, name]), NOISE_ROWS * columns)
  const chosen = (rows: number, name: string) => {
    const stream = Keyed.stream([seed, "noise rows", epoch, name])
    return Int32Array.from({ length: steps * rows }, () => Keyed.below(stream, NOISE_ROWS))
  }
  return {
    tables: () =>
      Object.fromEntries(
        tensors.map(({ name, shape }) => [`N/${name}`, Tensor.float64([NOISE_ROWS, shape[1]], normals(shape[1], name))])
      ),
    draws: () =>
      Object.fromEntries(
        tensors.map(({ name, shape }) => [`noise/${name}`, Tensor.int32([steps, shape[0]], chosen(shape[0], name))])
      )
  }
}

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
    const noise = (epoch: number) => noiseOf(heads, seed, epoch, Math.floor(rowsOf(job).length / batch))
    return {
      step,
      state: Object.fromEntries(state),
      inputs: (epoch) => (balance.noise ? { ...tables, ...noise(epoch).tables() } : tables),
      draws: (epoch) => {
        const plain = Turns.drawsOf(job, epoch, batch)
        return balance.noise ? { ...plain, values: { ...plain.values, ...noise(epoch).draws() } } : plain
      }
    }
  }
}

/** The part of a plan that is common to all methods that fuse by the sum of logits. */
export const shared = <H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  settings: { readonly name: string; readonly description: string; readonly [setting: string]: unknown }
) => {
  const optimizer = options.optimizer ?? Igm.sgd
  const { widths, heads } = Igm.headsOf(options.heads)
  const { name, description, ...rest } = settings
  const all = {
    fusion: "sum" as const,
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

const balanced = <H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  balance: JointStep.Balance,
  settings: { readonly name: string; readonly description: string },
  numbers: Named<number> = {}
): Method<Igm.WidthsOf<H>, S> => {
  checkOptions(settings.name, options)
  const work = worker(options, balance)
  return Turns.make<Igm.WidthsOf<H>, S>({
    ...shared(options, { ...settings, balance: balance.name, numbers }),
    turns: [
      {
        name: "all heads",
        epochs: epochsOf(options.ring),
        selects: true,
        enter: (_, training) => training,
        work: (job) => ({ ...work(job, numbers), events: [] })
      }
    ]
  })
}

/** The loss of the sum of logits alone. */
export const plain = <const H extends Igm.Heads, S extends Split.Split>(options: Options<H, S>) =>
  balanced(options, Balances.plain, {
    name: "sum of logits",
    description: "all heads at once, on the loss of the sum of their logits"
  })

/** OGM-GE on all tensors, with its α; `noise: false` leaves out the noise (`Balances.ogm`). */
export const ogmGe = <const H extends Igm.Heads, S extends Split.Split>(
  options: Options<H, S>,
  own: { readonly alpha?: number; readonly noise?: boolean } = {}
) => {
  const { alpha = 0.3, noise = true } = own
  const name = noise ? "OGM-GE" : "OGM"
  Setting.check(name, Schema.Struct({ alpha: Setting.nonNegative, noise: Schema.Boolean }), { ...own, alpha, noise })
  const description = "the confident modality is slowed, on all of its tensors"
  return balanced(options, Balances.ogm(noise), { name, description }, { alpha })
}

/** MMPareto (`Balances.mmPareto`). */
export const mmPareto = <const H extends Igm.Heads, S extends Split.Split>(options: Options<H, S>) =>
  balanced(options, Balances.mmPareto, {
    name: "MMPareto",
    description: "the gradients of the sum's loss and of each head's own, weighted so that neither is opposed"
  })
