/**
 * ReconBoost (Hua et al., ICML 2024), boosting across modalities: in turns, a head learns what the others leave over,
 * and after a turn the heads that have had one are rectified together on the loss of β times the sum of their logits, for
 * epochs that come on top of the turns'. Each turn begins with a fresh optimizer and schedule.
 */
import type { Split } from "@igm/tensor"
import * as BoostStep from "../step/BoostStep.ts"
import { sideBySide, targetsOf } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import * as JointTraining from "./JointTraining.ts"
import type { HostTensor, Job, Method } from "../Method.ts"
import { type Named, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "../step/Optimizer.ts"
import { checkOptions } from "./Options.ts"
import { type Own, check, onHeads } from "./ReconBoostOptions.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Turns from "./Turns.ts"
import * as Variant from "./Variant.ts"

export { type Loss, type Own, labelled, onHeads, released, residual } from "./ReconBoostOptions.ts"

const { ops } = Float64

/** The owner of the boost rate in a state; no modality has a slash in its name. */
const ENSEMBLE = "all/heads"

/** ReconBoost. Throws a `SettingError` for an option outside of its domain. */
export const make = <const H extends Igm.Heads, S extends Split.Split>(
  options: JointTraining.Options<H, S>,
  own: Partial<Own> = {}
): Method<Igm.WidthsOf<H>, S> => {
  const all = { ...onHeads, ...own }
  const { loss, rectify, rectifiesFirst, boostRate, trainsRate, sharedHead } = all
  checkOptions("ReconBoost", options)
  check("ReconBoost", all, options.heads)
  type Modality = keyof H & string
  type Turn = Turns.Turn<Igm.WidthsOf<H>, S>
  const { heads, ring, batch } = options
  const optimizer = options.optimizer ?? Igm.sgd
  const variant = { shared: sharedHead, batch, optimizer: optimizer.kind }
  const ownerOf = (modality: string) => BoostStep.ownerOf(variant, modality)
  const classes = Object.values<Head.Head>(heads)[0]!.out
  const weights =
    loss.form === "labelled"
      ? { own: loss.own / classes, others: loss.others / classes }
      : { own: 1, others: loss.weight }

  const rateShape = { [BoostStep.BOOST]: [1, 1] as const }
  const rateMemory = trainsRate ? Turns.allWithin(ENSEMBLE, Optimizer.start(optimizer, rateShape)) : {}
  const rateName = Turns.within(ENSEMBLE, BoostStep.BOOST)
  const rateIn = (state: Named<HostTensor>) => state[rateName] ?? ops.scalar(boostRate)
  const owners = Object.fromEntries(Object.entries<Head.Head>(heads).map(([name, head]) => [ownerOf(name), head]))
  const memory = { ...JointTraining.memoryOf(optimizer, owners), ...rateMemory }

  /** The step's names of an owner's tensors, and theirs in the whole state. */
  const trained = (modality: string): Named<string> => {
    const tensors = Turns.trained(optimizer, ownerOf(modality), get(heads, modality))
    return Object.fromEntries(
      Object.entries(tensors).map(([local, whole]) => [BoostStep.at(ownerOf(modality), local), whole])
    )
  }
  const tables = (train: Job<Igm.WidthsOf<H>, S>["train"], modalities: ReadonlyArray<Modality>) => ({
    Y: targetsOf(train),
    ...Object.fromEntries(modalities.map((modality) => [`X/${modality}`, sideBySide(train, [modality])]))
  })
  const parameters = (state: Named<HostTensor>, modality: string): Named<HostTensor> => {
    const found = Turns.parametersOf(state, modality, get(heads, modality))
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [BoostStep.at(modality, name), tensor]))
  }
  const turn = (name: string, epochs: number, work: Turn["work"]): Turn => ({
    name,
    epochs,
    selects: true,
    enter: (_, training) => ({
      ...training,
      state: { ...training.state, ...memory },
      schedules: mapNamed(training.schedules, () => Schedule.start(Schedule.divideOnPlateau))
    }),
    work
  })

  const boost = (name: Modality, others: ReadonlyArray<Modality>): Turn => {
    const step = BoostStep.boost({ ...variant, heads }, loss.form, name, others)
    return turn(name, get(ring.epochs, name), ({ train, ...job }, { state }) => {
      const inputs = {
        ...tables(train, [name, ...others]),
        ...mapNamed({ ...Optimizer.inputs(optimizer), ...weights }, ops.scalar),
        ...(sharedHead ? {} : Object.assign({}, ...others.map((other) => parameters(state, other)))),
        boost: rateIn(state)
      }
      const draws = (epoch: number) => Turns.drawsOf({ train, ...job }, epoch, batch)
      return { step, state: trained(name), inputs: () => inputs, draws, events: [] }
    })
  }
  const rectification = (members: ReadonlyArray<Modality>): Turn => {
    const some = Object.fromEntries(members.map((name) => [name, get(heads, name)]))
    const step = BoostStep.rectify({ ...variant, heads: some }, trainsRate)
    const rate = Object.fromEntries(
      [BoostStep.BOOST, ...Object.keys(Optimizer.start(optimizer, rateShape))].map((name) => [
        name,
        Turns.within(ENSEMBLE, name)
      ])
    )
    const state = Object.assign({}, ...members.map(trained), trainsRate ? rate : {}) as Named<string>
    const whole = members.length === Object.keys(heads).length
    return turn(whole ? "all heads" : `${members.join(" and ")} together`, rectify, ({ train, ...job }) => {
      const inputs = {
        ...tables(train, members),
        ...mapNamed(Optimizer.inputs(optimizer), ops.scalar),
        ...(trainsRate ? {} : { boost: ops.scalar(boostRate) })
      }
      const draws = (epoch: number) => Turns.drawsOf({ train, ...job }, epoch, batch)
      return { step, state, inputs: () => inputs, draws, events: [] }
    })
  }
  const order = Igm.turnsOf(ring).map(({ head }) => head as Modality)
  const sequence = order.flatMap((name, i) => {
    const seen = [...new Set(order.slice(0, i + 1))]
    const boosted = boost(
      name,
      seen.filter((other) => other !== name)
    )
    return rectify > 0 && (i > 0 || rectifiesFirst) ? [boosted, rectification(seen)] : [boosted]
  })
  const [first, ...rest] = sequence

  /** The last layers multiplied by β, which makes the sum of logits β Σ o_m. */
  const predicting = (found: Named<HostTensor>, state: Named<HostTensor>): Named<HostTensor> => {
    const last = Object.entries(owners).flatMap(([owner, head]) =>
      ["W", "b"].map((kind) => Turns.within(owner, `${kind}${Head.depth(head)}`))
    )
    const scaled = last.map((name) => [name, ops.multiply(get(found, name), rateIn(state))] as const)
    return { ...found, ...Object.fromEntries(scaled) }
  }
  const name = Variant.name("ReconBoost", [
    loss.form === "residual" && "residual",
    rectify === 0 && "not rectified",
    trainsRate && "trained rate",
    sharedHead && "shared head"
  ])
  const description = "in turns, each head on what the others leave over; heads rectified together after a turn"
  const separate = Igm.headsOf(heads).heads
  const owned = sharedHead ? mapNamed(separate, (one) => ({ ...one, parameters: BoostStep.SHARED })) : separate
  return Turns.make({
    ...JointTraining.shared(options, { name, description, ...all }, owned),
    memory: { ...memory, ...(trainsRate ? { [rateName]: ops.scalar(boostRate) } : {}) },
    ...(trainsRate || boostRate !== 1 ? { predicting } : {}),
    turns: [first!, ...rest]
  })
}
