/**
 * Training heads in turns, on fixed features: IGM and its baselines are settings of this one method. A turn trains one
 * head for some epochs; from the second turn of a ring on, its gradient is modified by the moments of the head whose
 * turn was before.
 */
import { type Digest, Keyed, Setting, type Split, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { type Dims, sideBySide, targetsOf } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import type { Fusion } from "../Fusion.ts"
import * as Head from "../step/Head.ts"
import {
  type Computation,
  type Drawn,
  type Draws,
  type Event,
  type HostTensor,
  type Job,
  type Method,
  type Step,
  rowsOf
} from "../Method.ts"
import * as Modification from "../step/Modification.ts"
import * as Moment from "../step/Moment.ts"
import { type Named, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "../step/Optimizer.ts"
import * as Projection from "../step/Projection.ts"
import * as Rule from "../step/Rule.ts"
import * as Schedule from "../step/Schedule.ts"
import type { Selection } from "./Selection.ts"
import * as Sharpness from "../step/Sharpness.ts"
import * as Turns from "./Turns.ts"
import * as TrainStep from "../step/Step.ts"

/** A turn of one head; `after` names the head whose moments modify its gradient. */
export interface Turn {
  readonly head: string
  readonly after?: string
  readonly epochs: number
}

/** The switches of the method. */
export interface Settings<S extends Split.Split> {
  readonly batch: number
  readonly optimizer: Optimizer.Optimizer
  readonly schedule: Schedule.Schedule
  /**
   * The start of a turn: from the last weights or the best so far, with the optimizer's and schedule's state carried
   * over or fresh.
   */
  readonly turnStart: { readonly weights: "last" | "best"; readonly optimizer: "carried" | "fresh" }
  /** The perturbation, with ρ by head; `null` for none. */
  readonly sharpness: { readonly form: Sharpness.Form; readonly rho: Named<number> } | null
  /** Gradient modification; `null` for none. */
  readonly modification: {
    readonly tau: number
    readonly matching: Modification.Matching
    /** A head's moment either starts anew with each of its turns, or accumulates over them. */
    readonly moment: "anew" | "accumulated"
    /** True if a flat spectrum makes P NaN, as in the released code. */
    readonly strictNaN: boolean
  } | null
  /** A user-defined gradient rule; `null` for none. */
  readonly rule: Rule.Rule | null
  /** λ ~ Beta(α, α) by head; heads that are not named are not mixed. */
  readonly mixup: { readonly [head: string]: number | undefined }
  readonly fusion: Fusion
  readonly selection: Selection<S>
}

/** The schema of the numbers that other methods in turns do not have. */
const domain = (heads: ReadonlyArray<string>) => {
  const byHead = <S extends Schema.Top>(schema: S) =>
    Schema.Struct(Object.fromEntries(heads.map((head) => [head, Schema.optional(schema)])))
  return Schema.Struct({
    batch: Setting.count,
    sharpness: Schema.NullOr(Schema.Struct({ form: Sharpness.domain, rho: byHead(Setting.nonNegative) })),
    tau: Setting.nonNegative,
    mixup: byHead(Setting.positive)
  })
}

/** The complete description of a method. */
export interface Plan<D extends Dims, S extends Split.Split> {
  readonly name: string
  readonly description: string
  readonly widths: D
  readonly heads: Named<Omit<Turns.HeadOf<D>, "parameters">>
  readonly turns: readonly [Turn, ...ReadonlyArray<Turn>]
  readonly settings: Settings<S>
}

/** The batch means of each layer's input, of the heads whose moments are in use. */
type Means = Named<ReadonlyArray<HostTensor>>

const meansIn = ({ kept }: Turns.TrainingState): Means => (kept["means"] ?? {}) as Means

/** The moments of the head before, by layer, where the interpreter has made them. */
const momentsIn = ({ kept }: Turns.TrainingState): Named<HostTensor> => (kept["moments"] ?? {}) as Named<HostTensor>

/** The order in which the training samples are taken for the moments of a turn, counted from 0. */
export const momentOrder = (job: Drawn, turn: number): Int32Array => {
  const rows = rowsOf(job)
  return Keyed.permutation(Keyed.stream([job.seed, "moment", turn]), rows.length).map((i) => rows[i]!)
}

/** Makes the method of a plan. Throws what `Turns.make` throws, and a `SettingError` for an invalid number. */
export const make = <D extends Dims, S extends Split.Split>(plan: Plan<D, S>): Method<D, S> => {
  const { heads, turns, settings } = plan
  const { batch, mixup, modification, optimizer, sharpness, turnStart } = settings
  const numbers = { batch, mixup, sharpness, tau: modification?.tau ?? 0 }
  Setting.check(plan.name, domain(Object.keys(heads)), numbers)
  const steps = stepsOf()

  // Each head's initial optimizer state is the same tensors in every training, so that they are sent once.
  const starts = mapNamed(heads, ({ head }) => Optimizer.start(optimizer, Head.shapes(head)))
  const memoryOf = (name: string): Named<HostTensor> => Turns.allWithin(name, get(starts, name))

  /** The state at the start of a turn, without the moments of the head before it. */
  const begin = ({ head }: Turn, training: Turns.TrainingState): Turns.TrainingState => {
    const weights = turnStart.weights === "best" ? training.best?.weights : undefined
    const anew = turnStart.optimizer === "fresh"
    const state = { ...training.state, ...weights, ...(anew ? memoryOf(head) : {}) }
    const schedules = anew ? { ...training.schedules, [head]: Schedule.start(settings.schedule) } : training.schedules
    return { ...training, state, schedules }
  }

  /** The batch means of the head before, from one shuffled pass over the training rows. */
  const survey =
    (turn: Turn, index: number) =>
    (job: Job<D, S>, training: Turns.TrainingState): ReadonlyArray<Computation> => {
      const { after } = turn
      if (after === undefined || modification === null) return []
      const { head, reads } = get(heads, after)
      const parameters = Turns.parametersOf(begin(turn, training).state, after, head)
      const features = sideBySide(job.train, reads)
      const [first, ...rest] = Moment.means(head, parameters, features, momentOrder(job, index), settings.batch)
      if (modification.moment === "accumulated" || !partnersOf(turn.head, after).flat().includes(1)) {
        return [first!, ...rest]
      }
      const meanwhile = (found: Named<HostTensor>) =>
        void Projection.ofMeans(Moment.meansOf(found)[0]!, modification, Moment.momentsOf(found)["1"])
      return [first!, ...rest.map((computation) => ({ ...computation, meanwhile }))]
    }

  /** For each layer of a head, the layers of the head before whose moments modify it. */
  const partnersOf = (name: string, after: string): ReadonlyArray<ReadonlyArray<number>> => {
    const [{ head }, previous] = [get(heads, name), get(heads, after)]
    return Head.layerNumbers(head).map((l) =>
      Modification.partners(modification!.matching, head.widths, previous.head.widths, l)
    )
  }

  const enter =
    (turn: Turn) =>
    (_: Job<D, S>, training: Turns.TrainingState, found: Named<HostTensor>): Turns.TrainingState => {
      const entered = begin(turn, training)
      const { after } = turn
      if (after === undefined || modification === null) return entered
      const means = meansIn(training)
      const before = modification.moment === "accumulated" ? means[after] : undefined
      const all = Moment.meansOf(found).map((z, i) =>
        before === undefined ? z : Float64.ops.concat([before[i]!, z], "rows")
      )
      const moments = before === undefined ? Moment.momentsOf(found) : {}
      return { ...entered, kept: { ...training.kept, means: { ...means, [after]: all }, moments } }
    }

  const work =
    ({ head: name, after }: Turn) =>
    (job: Job<D, S>, training: Turns.TrainingState, index: number): Turns.Work => {
      const { head, reads } = get(heads, name)
      const features = sideBySide(job.train, reads)
      const matrices = after === undefined ? noMatrices(head) : matricesOf(training, name, after)
      const alpha = settings.mixup[name]
      const variant: TrainStep.Variant = {
        depth: Head.depth(head),
        batch: settings.batch,
        optimizer: optimizer.kind,
        mixup: alpha !== undefined,
        sharpness: sharpness?.form ?? null,
        modified: matrices.map(({ projections }) => projections.length > 0),
        rule: settings.rule
      }
      const numbers = {
        ...Optimizer.inputs(optimizer),
        ...(sharpness === null ? {} : { rho: get(sharpness.rho, name), share: sharpness.form.share })
      }
      const { left, ...derived } = projected(features, matrices)
      const inputs: Named<Tensor.Tensor> = {
        X: features,
        Y: targetsOf(job.train),
        ...left,
        ...mapNamed(numbers, Float64.ops.scalar)
      }
      const place = { turn: index + 1, head: name }
      const spectra = {
        effectiveRank: matrices.map(({ effect }) => effect.effectiveRank),
        secondEigenvalue: matrices.map(({ effect }) => effect.secondEigenvalue),
        meanEigenvalue: matrices.map(({ effect }) => effect.meanEigenvalue)
      }
      const modified: ReadonlyArray<Event> =
        after === undefined || modification === null
          ? []
          : [{ kind: "modification", ...place, from: after, ...spectra }]
      return {
        ...steps(variant),
        state: Turns.trained(optimizer, name, head),
        inputs: () => inputs,
        ...derived,
        draws: (epoch) => draws(job, epoch, alpha),
        events: [
          ...modified,
          ...matrices.flatMap(({ notes }) => notes.map((note) => ({ kind: "note", ...place, note }) as const))
        ]
      }
    }

  const draws = (job: Job<D, S>, epoch: number, alpha: number | undefined): Draws => {
    const rows = Turns.batches(job, epoch, settings.batch)
    const [count, batch] = [rows.shape[0]!, rows.shape[1]!]
    if (alpha === undefined) return { steps: count, values: { rows } }
    const stream = Keyed.stream([job.seed, "mixup", epoch])
    const partners = new Int32Array(count * batch)
    const lambda = new Float64Array(count)
    for (let step = 0; step < count; step++) {
      lambda[step] = Keyed.beta(stream, alpha, alpha)
      const order = Keyed.permutation(stream, batch)
      for (let i = 0; i < batch; i++) partners[step * batch + i] = rows.data[step * batch + order[i]!]!
    }
    return {
      steps: count,
      values: { rows, partners: Tensor.int32([count, batch], partners), lambda: Tensor.float64([count, 1, 1], lambda) }
    }
  }

  const noMatrices = (head: Head.Head): ReadonlyArray<LayerMatrix> =>
    Head.layerNumbers(head).map(() => ({ projections: [], effect: Modification.noEffect, notes: [] }))

  /** The matrices by which the moments of the head before modify each layer. */
  const matricesOf = (training: Turns.TrainingState, name: string, after: string): ReadonlyArray<LayerMatrix> => {
    const { head } = get(heads, name)
    if (modification === null) return noMatrices(head)
    const [means, moments] = [get(meansIn(training), after), momentsIn(training)]
    const projectionOf = (n: number) => Projection.ofMeans(means[n - 1]!, modification, moments[String(n)])
    return partnersOf(name, after).map((numbers, i) => {
      const l = i + 1
      if (numbers.length === 0) {
        const notes = [`layer ${l} has no partner in ${after}: not modified`]
        return { projections: [], effect: Modification.noEffect, notes }
      }
      const projections = numbers.map(projectionOf)
      const notes = numbers.flatMap((n) =>
        projectionOf(n).flat ? [`layer ${l}: the spectrum of ${after}'s layer ${n} is flat`] : []
      )
      return { projections, effect: projections[0]!.effect, notes }
    })
  }

  const [first, ...rest] = turns.map((turn, i): Turns.Turn<D, S> => ({
    name: turn.head,
    epochs: turn.epochs,
    selects: true,
    survey: survey(turn, i),
    enter: enter(turn),
    work: work(turn)
  }))
  return Turns.make({
    ...plan,
    ...settings,
    settings: { heads, turns, ...settings, rule: ruleOf(settings.rule, heads) } as unknown as Digest.Json,
    memory: Object.assign({}, ...Object.keys(heads).map(memoryOf)) as Named<HostTensor>,
    turns: [first!, ...rest]
  })
}

/** A rule in the settings: its name, and the digest of its operations on each head. */
const ruleOf = (rule: Rule.Rule | null, heads: Named<{ readonly head: Head.Head }>) =>
  rule === null ? null : { name: rule.name, definitions: mapNamed(heads, ({ head }) => Rule.definition(rule, head)) }

interface LayerMatrix {
  readonly projections: ReadonlyArray<Projection.Projection>
  readonly effect: Modification.Effect
  readonly notes: ReadonlyArray<string>
}

/**
 * The inputs that project each layer's input: the table X P of the first layer, and of the others P or the factors of I
 * + Lᵀ R.
 */
const projected = (X: Tensor.Tensor, matrices: ReadonlyArray<LayerMatrix>) => {
  const chains = matrices.flatMap(({ projections }, i) =>
    projections.length === 0 ? [] : [{ l: i + 1, chain: Projection.chain(projections, String(i + 1)) }]
  )
  const derived: Computation = {
    name: "projections",
    inputs: Object.assign({ X }, ...chains.map(({ chain }) => chain.inputs)) as Named<Tensor.Tensor>,
    run: (ops, inputs) =>
      Object.fromEntries(
        chains.map(({ l, chain }) => {
          if (l === 1) return ["XP", chain.times(ops, inputs, get(inputs, "X"))]
          const { thin } = chain
          return thin === undefined ? [`P${l}`, chain.matrix(ops, inputs)] : [`R${l}`, thin.right(ops, inputs)]
        })
      )
  }
  const left = chains.flatMap(({ l, chain: { thin } }) =>
    l === 1 || thin === undefined ? [] : [[`L${l}`, thin.left] as const]
  )
  return { left: Object.fromEntries(left), ...(chains.length === 0 ? {} : { derived }) }
}

/** Memoizes steps by variant: the same object for the same variant, so that it is compiled once. */
const stepsOf = () => {
  const made = new Map<string, { readonly step: Step; readonly probe: Step }>()
  return (variant: TrainStep.Variant) => {
    const key = JSON.stringify(variant)
    const found = made.get(key) ?? { step: TrainStep.make(variant), probe: TrainStep.probe(variant) }
    made.set(key, found)
    return found
  }
}
