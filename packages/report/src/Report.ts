/** What a report is made from: plain data that a run hands over, with nothing left to compute but statistics. */
import type { Shown } from "@igm/datasets"
import type { Metric } from "@igm/gradient"

/** One training of a method: its seed, its results on the reported split, and what it predicted there. */
export interface TrainingResult extends Metric.Metrics {
  readonly seed: number
  readonly predicted: ArrayLike<number>
}

/** A row of the table. */
export interface MethodResult {
  readonly name: string
  readonly description: string
  readonly trainings: ReadonlyArray<TrainingResult>
}

/** One epoch of one training. */
export interface Epoch {
  readonly method: string
  readonly seed: number
  readonly stage: number
  readonly head: string
  /** Counted over the whole training, from 1. */
  readonly epoch: number
  readonly loss: number
  /** The metric that selects the epoch, and what it is on the split that selects. */
  readonly selectedBy: string
  readonly selected: number
  /** Measured on the epoch's first batch; shares and cosines are in [0, 1]. */
  readonly gradientNorm: number
  readonly shareRemoved: number
  readonly cosine: number
  readonly shareMoved: number
}

/** The modification that a stage began with. */
export interface StageModification {
  readonly method: string
  readonly seed: number
  readonly stage: number
  readonly head: string
  readonly from: string
  /** Of I − P, by layer. */
  readonly effectiveRank: ReadonlyArray<number>
}

/** A sample to look at and listen to. */
export interface SampleView {
  readonly id: string
  readonly group: string
  readonly label: number
  /** By modality. */
  readonly media: { readonly [modality: string]: Shown.Shown }
  /** What each head said, and last what they said together. */
  readonly said: ReadonlyArray<{ readonly by: string; readonly probabilities: ArrayLike<number> }>
}

/** What a cross-validation found: scores of settings on the folds held out, and the chosen one. */
export interface Choice {
  /** The metric. */
  readonly by: string
  readonly seeds: ReadonlyArray<number>
  /** Samples trained on in each fold. */
  readonly folds: ReadonlyArray<{ readonly train: number }>
  readonly settings: ReadonlyArray<{
    readonly setting: { readonly [name: string]: number }
    readonly scores: ReadonlyArray<number>
    readonly mean: number
    readonly error: number
  }>
  /** The place of the chosen setting, and of the next best with the paired differences to it. */
  readonly chosen: number
  readonly runnerUp: {
    readonly place: number
    readonly difference: number
    readonly error: number
    readonly beyond: boolean
  } | null
}

/** A report's contents. */
export interface Report {
  readonly title: string
  readonly runId: string
  readonly classes: ReadonlyArray<string>
  /** The rules of the comparison, each a short sentence. */
  readonly protocol: ReadonlyArray<string>
  readonly splits: ReadonlyArray<{
    readonly split: string
    readonly samples: number
    readonly groups: ReadonlyArray<string>
  }>
  readonly labels: ArrayLike<number>
  /** The cross-validation that chose the methods' settings, if there was one. */
  readonly choice?: Choice
  /** The rows of the table; the first is the method that samples and the confusion matrix are shown of. */
  readonly methods: readonly [MethodResult, ...ReadonlyArray<MethodResult>]
  /** The names of the methods that are compared with each of the others. */
  readonly compared: ReadonlyArray<string>
  readonly epochs: ReadonlyArray<Epoch>
  readonly modifications: ReadonlyArray<StageModification>
  readonly notes: ReadonlyArray<string>
  readonly confusion: ReadonlyArray<ReadonlyArray<number>>
  readonly samples: ReadonlyArray<SampleView>
  readonly settings: ReadonlyArray<{ readonly name: string; readonly json: string }>
  readonly facts: { readonly [name: string]: string }
}
