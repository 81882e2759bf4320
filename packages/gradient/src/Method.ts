/**
 * The interface of a training method. Its step is pure and written over `Ops`, so that any interpreter can run many
 * steps as one block. An epoch ends at a boundary: a pure function on the host, in double precision, from the state and
 * what was observed to what comes next: the same phase again, another one with new inputs, a reset optimizer, restored
 * weights, or the end.
 */
import type { Digest, Split, Tensor } from "@igm/tensor"
import type { Dims, Features } from "./Features.ts"
import type { Metrics } from "./Metric.ts"
import type { Named, Ops } from "./ops/Ops.ts"

/** A tensor on the host. */
export type HostTensor = Tensor.Tensor<"float64">

/** The input of a step: the weights it may change, constants of the block, and this step's gathered rows and draws. */
export interface StepContext<T> {
  readonly state: Named<T>
  readonly inputs: Named<T>
  readonly reads: Named<T>
  readonly draws: Named<T>
}

/** The result of a step: the new state under the same names, and numbers (1 × 1) to record. */
export interface StepOutcome<T> {
  readonly state: Named<T>
  readonly trace: Named<T>
}

/** One step over `Ops`. A step object is compiled once for each set of shapes. */
export interface Step {
  readonly name: string
  /** Rows gathered for each step: read r holds the rows of table `inputs[table]` at the indices `draws[index]`. */
  readonly reads: Named<{ readonly table: string; readonly index: string }>
  readonly run: <T>(ops: Ops<T>, context: StepContext<T>) => StepOutcome<T>
}

/** A pure computation over `Ops` that an interpreter runs for a method between steps. */
export interface Computation {
  readonly name: string
  readonly inputs: Named<Tensor.Tensor>
  readonly run: <T>(ops: Ops<T>, inputs: Named<T>) => Named<T>
  /**
   * Work of the host that may run while an interpreter computes this, from the results of the computations before it.
   */
  readonly meanwhile?: (found: Named<HostTensor>) => void
}

/** Random draws of n steps: indices (int32, n × batch) or numbers (float64, n × 1 × 1). */
export interface Draws {
  readonly steps: number
  readonly values: Named<Tensor.Tensor<"int32"> | Tensor.Tensor<"float64">>
}

/** The data and the seed of one training: a method trains on one split and selects on another. */
export interface Job<D extends Dims, S extends Split.Split = "valid"> {
  readonly seed: number
  readonly train: Features<"train", D>
  readonly select: Features<S, D>
  /** The rows of `train` to train on, as a fold of a cross-validation has them; all of them by default. */
  readonly rows?: Int32Array
}

/** The part of a job that a method's random draws depend on. */
export type Drawn = Pick<Job<Dims>, "seed" | "rows"> & { readonly train: { readonly labels: Int32Array } }

/** The indices of the rows of `train` that a job trains on. */
export const rowsOf = ({ rows, train }: Drawn): Int32Array => rows ?? Int32Array.from(train.labels, (_, i) => i)

/** Measurements of an epoch. Traces hold one number for each step. */
export interface Observed {
  readonly trace: Named<ArrayLike<number>>
  /** The numbers that the probe recorded on the epoch's first batch; empty without a probe. */
  readonly probe: Named<number>
  /** Metrics on the split that selects. */
  readonly selected: Metrics
}

/** The whole state of a training between two epochs: with the job, it determines everything that follows. */
export interface Cursor {
  /** The name of the phase; a new name means new inputs. */
  readonly phase: string
  /** True once the phase has begun, that is, once `enter` has taken in the results of `survey`. */
  readonly entered: boolean
  /** The number of finished epochs, over all phases. */
  readonly epoch: number
  readonly state: Named<HostTensor>
  readonly memo: Memo
}

/** Values that a method keeps between epochs besides the tensors of its state, as plain data. */
export interface Memo {
  readonly [key: string]: unknown
}

/** An event of a training, as its log records it. */
export type Event =
  | {
      readonly kind: "epoch"
      readonly epoch: number
      readonly turn: number
      readonly head: string
      readonly loss: number
      readonly rate: number
      readonly selected: Metrics
      readonly ledger: Named<number>
    }
  | {
      readonly kind: "modification"
      readonly turn: number
      readonly head: string
      readonly from: string
      /** For each layer: the effective rank of I − P, its second eigenvalue, and the mean eigenvalue tr(P)/d of P. */
      readonly effectiveRank: ReadonlyArray<number>
      readonly secondEigenvalue: ReadonlyArray<number>
      readonly meanEigenvalue: ReadonlyArray<number>
    }
  | { readonly kind: "note"; readonly turn: number; readonly head: string; readonly note: string }

/** The work between two boundaries: one epoch of steps with their inputs and draws. */
export interface Phase {
  readonly step: Step
  /** A step that only records measurements, run once an epoch on its first batch. */
  readonly probe?: Step
  /** Maps the step's names of state tensors to their names in the cursor's state. */
  readonly state: Named<string>
  readonly inputs: (cursor: Cursor) => Named<Tensor.Tensor>
  /** Further inputs, computed once when the phase begins. */
  readonly derived?: Computation
  readonly draws: (cursor: Cursor) => Draws
  readonly boundary: (cursor: Cursor, observed: Observed) => Boundary
  /** Events to log when the phase begins. */
  readonly events: ReadonlyArray<Event>
}

/** The result of an epoch's end: events, and either the next cursor or the final weights. */
export interface Boundary {
  readonly events: ReadonlyArray<Event>
  readonly next: Cursor | { readonly done: Named<HostTensor> }
}

/** Predictions of heads for a batch. */
export interface Prediction<T> {
  /** Logits by head (batch × classes each). */
  readonly logits: Named<T>
  /** Class probabilities after fusion (batch × classes). */
  readonly probabilities: T
}

/** A training method for heads on features of widths D, which selects on split S. */
export interface Method<D extends Dims = Dims, S extends Split.Split = "valid"> {
  readonly name: string
  readonly description: string
  readonly settings: Digest.Json
  /** The widths of the features that its heads read, and the number of classes. */
  readonly widths: D
  readonly classes: number
  /** The split that selects the best epoch. */
  readonly selectsOn: S
  readonly start: (job: Job<D, S>) => Cursor
  /** The computations that have to run, one after another, before the cursor's phase begins. */
  readonly survey: (job: Job<D, S>, cursor: Cursor) => ReadonlyArray<Computation>
  /** Begins the cursor's phase with the results of `survey`. */
  readonly enter: (job: Job<D, S>, cursor: Cursor, found: Named<HostTensor>) => Cursor
  readonly phase: (job: Job<D, S>, cursor: Cursor) => Phase
  /** The number of epochs of a whole training. */
  readonly epochs: number
  /** The heads' weights in a state. */
  readonly weights: (state: Named<HostTensor>) => Named<HostTensor>
  readonly predict: <T>(ops: Ops<T>, state: Named<T>, features: Named<T>) => Prediction<T>
}
