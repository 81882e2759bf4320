/**
 * `igm ledger`: measures the effect of IGM's two techniques on heads while they train on given features: the spectrum
 * of I − P, the gradient before and after it, and the share of weights that the perturbation moves in single precision.
 */
import { type Features, Head, Igm, Selection } from "@igm/gradient"
import { AtomicFile } from "@igm/io"
import { Safetensors, type Split, type Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, Stream } from "effect"
import { ProgramError } from "./ProgramError.ts"

/** Options of the measurement. */
export interface Options {
  readonly labels: string
  readonly tau: number
  readonly epochs: number
  /** The radii ρ whose effect on the weights is measured. */
  readonly radii: ReadonlyArray<number>
}

const HIDDEN = [256, 64] as const
const BATCH = 12

/** Uses all samples for training and for selection, so that no accuracy can be reported. */
const splitOf = <S extends Split.Split>(
  split: S,
  { labels, modalities }: Samples
): Features.Features<S, Features.Dims> => ({
  split,
  widths: Object.fromEntries(Object.entries(modalities).map(([name, { shape }]) => [name, shape[1]!])),
  classes: labels.reduce((most, label) => Math.max(most, label), 0) + 1,
  ids: Array.from(labels, (_, row) => String(row)),
  labels,
  modalities
})

interface Samples {
  readonly labels: Int32Array
  readonly modalities: Readonly<Record<string, Tensor.Tensor<"float32">>>
}

/** Reads features (n × width, float32, two modalities or more) and labels (n integers) from a safetensors file. */
const read = Effect.fn("LedgerCommand.read")(function* (file: string, labelsName: string) {
  const bytes = yield* AtomicFile.read(file)
  const unusable = (problem: string, cause?: unknown) => new ProgramError({ path: file, problem, cause })
  const { tensors } = yield* Effect.try({
    try: () => Safetensors.decode(bytes),
    catch: (cause) => unusable("this is not a safetensors file", cause)
  })
  const { [labelsName]: labels, ...rest } = tensors
  const found = Object.entries(rest).filter(([, { dtype, shape }]) => dtype === "float32" && shape.length === 2)
  if (labels === undefined || labels.shape.length !== 1) {
    return yield* unusable(`it has no labels "${labelsName}" (a vector of integers): name them with --labels`)
  }
  const n = labels.shape[0]!
  if (found.length < 2 || found.some(([, { shape }]) => shape[0] !== n)) {
    return yield* unusable(`it needs features of two modalities or more, float32, for ${n} labels`)
  }
  if (n < 2 * BATCH) return yield* unusable(`${n} samples are too few: ${2 * BATCH} are needed`)
  const odd = Array.from(labels.data, Number).findIndex((label) => !Number.isInteger(label) || label < 0)
  if (odd >= 0) return yield* unusable(`label ${odd} is ${labels.data[odd]}: labels are integers from 0 on`)
  const samples: Samples = {
    labels: Int32Array.from(labels.data, Number),
    modalities: Object.fromEntries(found) as Samples["modalities"]
  }
  return samples
})

const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)))
  return rows.map((row) => `  ${row.map((cell, c) => cell.padEnd(widths[c]!)).join("  ")}`.trimEnd())
}

/** Trains with the released code's settings, once for each radius, and formats the measurements. */
export const ledger = Effect.fn("LedgerCommand.ledger")(function* (file: string, options: Options) {
  const samples = yield* read(file, options.labels)
  const names = Object.keys(samples.modalities)
  const job = { seed: 1, train: splitOf("train", samples), select: splitOf("valid", samples) }
  const { classes } = job.train
  const heads = Object.fromEntries(
    names.map((name) => [name, Head.make(job.train.widths[name]!, ...HIDDEN, classes) as Head.Head])
  )
  const ring = {
    order: names,
    rounds: 2,
    epochs: Object.fromEntries(names.map((name) => [name, options.epochs]))
  }
  const trainer = yield* HeadTrainer
  const runs = yield* Effect.forEach(options.radii, (rho) => {
    const { tau } = options
    const method = Igm.code({ heads, ring, batch: BATCH, selection: Selection.best("accuracy"), tau, rho })
    return Stream.runCollect(trainer.train(method, job)).pipe(Effect.map((events) => ({ rho, events })))
  })
  const bound = 0.02 * -Math.expm1(-options.tau)
  const begun = runs[0]!.events.flatMap((event) => (event.kind === "modification" ? [event] : []))
  const spectra = begun.flatMap(({ turn, head, from, effectiveRank, secondEigenvalue, meanEigenvalue }) =>
    effectiveRank.map((rank, l) => [
      String(turn),
      `${head} after ${from}`,
      String(l + 1),
      String(heads[head]!.widths[l]),
      secondEigenvalue[l]!.toExponential(2),
      secondEigenvalue[l]! < bound ? "yes" : "no",
      rank.toFixed(3),
      meanEigenvalue[l]!.toFixed(4)
    ])
  )
  const gradients = runs[0]!.events.flatMap((event) =>
    event.kind === "epoch" && event.turn > 1
      ? [
          [
            String(event.turn),
            event.head,
            String(event.epoch),
            event.ledger["cosine"]!.toFixed(5),
            event.ledger["normRatio"]!.toFixed(5),
            event.ledger["shareRemoved"]!.toFixed(5)
          ]
        ]
      : []
  )
  const moved = runs.map(({ rho, events }) => {
    const shares = events.flatMap((event) => (event.kind === "epoch" ? [event.ledger["shareMoved"]!] : []))
    const [least, most] = [Math.min(...shares), Math.max(...shares)].map((share) => `${(100 * share).toFixed(3)} %`)
    return [rho.toExponential(0), least!, most!]
  })
  const notes = runs.flatMap(({ rho, events }) =>
    events.flatMap((event) =>
      event.kind === "note" ? [`  ρ = ${rho.toExponential(0)}, turn ${event.turn}, ${event.head}: ${event.note}`] : []
    )
  )
  const shape = names.map((name) => `${name} ${job.train.widths[name]}`).join(", ")
  return [
    `${file}: ${samples.labels.length} samples, ${classes} classes, features ${shape}`,
    `IGM (code), τ = ${options.tau}, batches of ${BATCH}; all samples train`,
    `Interpreter: ${trainer.engine}, ${trainer.info.precision}`,
    "",
    `I − P by layer; its largest eigenvalue is 1 − e^−τ = ${(-Math.expm1(-options.tau)).toFixed(4)}`,
    ...aligned([
      ["turn", "head", "layer", "inputs", "second eigenvalue", "< 2 % of that", "effective rank", "tr(P)/d"],
      ...spectra
    ]),
    "",
    "Gradient G before and after P, over all weights, at each epoch's first batch; share removed is ‖G − G P‖/‖G‖",
    ...aligned([["turn", "head", "epoch", "cosine", "norm ratio", "share removed"], ...gradients]),
    "",
    "Weights that the perturbation moves in single precision, least and most over the epochs",
    ...aligned([["ρ", "least", "most"], ...moved]),
    ...(notes.length === 0 ? [] : ["", "Notes", ...notes])
  ].join("\n")
})
