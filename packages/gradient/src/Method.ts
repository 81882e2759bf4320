/**
 * What a method is. Its step is pure and written over `Ops`, so that any interpreter can run many steps as one block. An
 * epoch ends at a boundary: a pure function on the host, in double precision, from the state and what was observed to
 * what comes next: the same phase again, another one with new inputs, a reset optimizer, restored weights, or the end.
 */
import type { Digest, Split, Tensor } from "@igm/tensor"
import type { Dims, Features } from "./Features.ts"
import type { Metrics } from "./Metric.ts"
import type { Named, Ops } from "./Ops.ts"

/** A tensor on the host. */
export type HostTensor = Tensor.Tensor<"float64">

/** What a step sees: the weights it may change, constants of the block, and this step's gathered rows and draws. */
export interface StepContext<T> {
  readonly state: Named<T>
  readonly inputs: Named<T>
  readonly reads: Named<T>
  readonly draws: Named<T>
}

/** What a step returns: the state under the same names, and numbers (1 × 1) to record. */
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

/** A pure computation over `Ops` of given tensors: what a method has an interpreter do between steps. */
export interface Computation {
  readonly name: string
  readonly inputs: Named<Tensor.Tensor>
  readonly run: <T>(ops: Ops<T>, inputs: Named<T>) => Named<T>
  /** Host work that is ahead, on what was computed before it, and may be done while an interpreter computes. */
  readonly meanwhile?: (found: Named<HostTensor>) => void
}

/** The draws of n steps: indices (int32, n × batch) or numbers (float64, n × 1 × 1). */
export interface Draws {
  readonly steps: number
  readonly values: Named<Tensor.Tensor<"int32"> | Tensor.Tensor<"float64">>
}

/** What the data of a job are: the method trains on one split and selects on another. */
export interface Job<D extends Dims, S extends Split.Split = "valid"> {
  readonly seed: number
  readonly train: Features<"train", D>
  readonly select: Features<S, D>
  /** The rows of `train` to train on, as a fold of a cross-validation has them; all of them by default. */
  readonly rows?: Int32Array
}

/** What a method's draws depend on. */
export type Drawn = Pick<Job<Dims>, "seed" | "rows"> & { readonly train: { readonly labels: Int32Array } }

/** The rows that a job trains on. */
export const rowsOf = ({ rows, train }: Drawn): Int32Array => rows ?? Int32Array.from(train.labels, (_, i) => i)

/** What an epoch showed. Traces hold one number for each step. */
export interface Observed {
  readonly trace: Named<ArrayLike<number>>
  /** The numbers of the probe, taken on the epoch's first batch; empty without one. */
  readonly probe: Named<number>
  /** The selecting split. */
  readonly selected: Metrics
}

/** Where a training stands between two epochs: everything that the next one depends on. */
export interface Cursor {
  /** Names the phase; a new name means new inputs. */
  readonly phase: string
  /** Whether the phase has begun: what has to be computed before it is taken in. */
  readonly entered: boolean
  /** Epochs done, over all phases. */
  readonly epoch: number
  readonly state: Named<HostTensor>
  readonly memo: Memo
}

/** What a method remembers besides tensors of the state. */
export interface Memo {
  readonly [key: string]: unknown
}

/** A line of the record of a training. */
export type Event =
  | {
      readonly kind: "epoch"
      readonly epoch: number
      readonly stage: number
      readonly head: string
      readonly loss: number
      readonly rate: number
      readonly selected: Metrics
      readonly ledger: Named<number>
    }
  | {
      readonly kind: "modification"
      readonly stage: number
      readonly head: string
      readonly from: string
      /** By layer: how many directions I − P shrinks, its second eigenvalue, and the mean eigenvalue tr(P)/d of P. */
      readonly effectiveRank: ReadonlyArray<number>
      readonly secondEigenvalue: ReadonlyArray<number>
      readonly meanEigenvalue: ReadonlyArray<number>
    }
  | { readonly kind: "note"; readonly stage: number; readonly head: string; readonly note: string }

/** What runs between two boundaries. */
export interface Phase {
  readonly step: Step
  /** A step that changes nothing and records more, run once an epoch. */
  readonly probe?: Step
  /** The name in the cursor's state of each of the step's state names. */
  readonly state: Named<string>
  readonly inputs: (cursor: Cursor) => Named<Tensor.Tensor>
  /** More inputs, computed once as the phase begins. */
  readonly derived?: Computation
  readonly draws: (cursor: Cursor) => Draws
  readonly boundary: (cursor: Cursor, observed: Observed) => Boundary
  /** What is to be recorded as the phase begins. */
  readonly events: ReadonlyArray<Event>
}

/** What follows an epoch; without a cursor the training is over. */
export interface Boundary {
  readonly events: ReadonlyArray<Event>
  readonly next: Cursor | { readonly done: Named<HostTensor> }
}

/** What heads say about a batch. */
export interface Prediction<T> {
  /** By head, batch × classes. */
  readonly logits: Named<T>
  /** Fused, batch × classes. */
  readonly probabilities: T
}

/** A way to train heads on features of widths D, which selects on split S. */
export interface Method<D extends Dims = Dims, S extends Split.Split = "valid"> {
  readonly name: string
  readonly description: string
  readonly settings: Digest.Json
  /** The widths of the features that its heads read, and the classes that they tell apart. */
  readonly widths: D
  readonly classes: number
  /** Which split selects. */
  readonly selectsOn: S
  readonly start: (job: Job<D, S>) => Cursor
  /** What has to be computed before the cursor's phase begins, one after another. */
  readonly survey: (job: Job<D, S>, cursor: Cursor) => ReadonlyArray<Computation>
  /** Begins the cursor's phase, with what was computed. */
  readonly enter: (job: Job<D, S>, cursor: Cursor, found: Named<HostTensor>) => Cursor
  readonly phase: (job: Job<D, S>, cursor: Cursor) => Phase
  /** The number of epochs of a whole training. */
  readonly epochs: number
  /** The heads' weights in a state. */
  readonly weights: (state: Named<HostTensor>) => Named<HostTensor>
  readonly predict: <T>(ops: Ops<T>, state: Named<T>, features: Named<T>) => Prediction<T>
}
