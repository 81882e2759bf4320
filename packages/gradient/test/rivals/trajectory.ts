/** Trains a method by the float64 interpreter on golden inputs: from given weights, in a given order, with given noise. */
import { Tensor } from "@igm/tensor"
import { type Features, Float64, type Method, Metric, Ops } from "../../src/index.ts"

type Matrix = Float64.Matrix

/** The inputs of all cases: features, labels, first weights, the order of the samples of each epoch, noise. */
export type Inputs = Ops.Named<Matrix>

/** The losses of a training, its state after every few steps, by the step's number and the tensor's name, and its end. */
export interface Trajectory {
  readonly cursor: Method.Cursor
  readonly losses: ReadonlyArray<number>
  readonly states: Ops.Named<Matrix>
}

const [BATCH, EVERY] = [8, 5]

/** The two modalities as the released codes name them. */
export const modalities = ["audio", "visual"] as const

const splitOf = <S extends "train" | "valid">(inputs: Inputs, split: S, scale: number) => {
  const at = split === "train" ? "" : "valid/"
  const labels = Int32Array.from(Ops.get(inputs, `${at}labels`).data)
  const x = (modality: string) => {
    const { shape, data } = Ops.get(inputs, `${at}x/${modality}`)
    return Tensor.float32(
      shape,
      data.map((value) => value * scale)
    )
  }
  const ids = Array.from(labels, (_, i) => `${split}-${i}`)
  const found = { split, widths: { audio: 12, visual: 12 } as const, classes: 5, ids, labels }
  return { ...found, modalities: { audio: x("audio"), visual: x("visual") } } satisfies Features.Features<S, Widths>
}

/** The widths of the features. */
export type Widths = { readonly audio: 12; readonly visual: 12 }

/** The job on the golden features, times a number. */
export const jobOf = (inputs: Inputs, scale = 1): Method.Job<Widths> => ({
  seed: 0,
  train: splitOf(inputs, "train", scale),
  select: splitOf(inputs, "valid", scale)
})

/** The rows of a golden epoch, by step. */
const ordersOf = (inputs: Inputs, epoch: number): ReadonlyArray<ReadonlyArray<number>> => {
  const order = Array.from(Tensor.takeRows(Ops.get(inputs, "rows"), [epoch]).data)
  return Array.from({ length: order.length / BATCH }, (_, i) => order.slice(i * BATCH, (i + 1) * BATCH))
}

/** Trains for some golden epochs; `start` are the first weights, under the method's names. */
export const train = (
  method: Method.Method<Widths>,
  inputs: Inputs,
  start: Ops.Named<Matrix>,
  { epochs, scale = 1 }: { readonly epochs: number; readonly scale?: number }
): Trajectory => {
  const job = jobOf(inputs, scale)
  const noise = inputs["noise"]
  const [losses, states]: [Array<number>, Record<string, Matrix>] = [[], {}]
  let loud = 0
  let cursor = method.start(job)
  cursor = { ...cursor, state: { ...cursor.state, ...start } }
  const metrics = Metric.of([0, 1], Tensor.float64([2, 2], [1, 0, 0, 1]))
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (!cursor.entered) cursor = method.enter(job, cursor, {})
    const { step, state: names, ...phase } = method.phase(job, cursor)
    const [given, draws] = [Ops.mapNamed(phase.inputs(cursor), Tensor.toFloat64), phase.draws(cursor)]
    const orders = ordersOf(inputs, epoch)
    let whole: Ops.Named<Matrix> = cursor.state
    const trace = orders.map((rows, t) => {
      const read = ({ table, index }: { readonly table: string; readonly index: string }): Matrix => {
        if (index === "rows") return Tensor.takeRows(Ops.get(given, table), rows)
        const [, columns] = Float64.dims(Ops.get(given, table))
        const size = Ops.get(draws.values, index).shape[1]! * columns
        return Tensor.float64(
          [size / columns, columns],
          Tensor.takeRows(noise!, [loud++ % noise!.shape[0]!]).data.slice(0, size)
        )
      }
      const outcome = step.run(Float64.ops, {
        state: Ops.mapNamed(names, (name) => Ops.get(whole, name)),
        inputs: given,
        reads: Ops.mapNamed(step.reads, read),
        draws: Ops.mapNamed(draws.values, (values) => Float64.ops.scalar(values.data[t]!))
      })
      whole = { ...whole, ...Object.fromEntries(Object.entries(outcome.state).map(([k, v]) => [names[k]!, v])) }
      const loss = Ops.get(outcome.trace, "loss").data[0]!
      losses.push(loss)
      if (losses.length % EVERY === 0) {
        for (const [name, tensor] of Object.entries(whole)) states[`${losses.length}/${name}`] = tensor
      }
      return loss
    })
    const { next } = phase.boundary(
      { ...cursor, state: whole },
      { trace: { loss: trace }, probe: {}, selected: metrics }
    )
    if ("done" in next) break
    cursor = next
  }
  return { losses, states, cursor }
}

/** The first weights of heads, under the method's names: of those owners, from the golden start of `from`. */
export const startOf = (inputs: Inputs, owners: ReadonlyArray<string>, from = (owner: string) => owner) =>
  Object.fromEntries(
    owners.flatMap((owner) =>
      Object.entries(inputs).flatMap(([name, tensor]) => {
        const prefix = `start/${from(owner)}.`
        return name.startsWith(prefix) ? [[`${owner}.${name.slice(prefix.length)}`, tensor] as const] : []
      })
    )
  )
