/** The messages between a worker thread that owns an engine and the thread that calls it. */
import type { Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import type { EngineInfo, BlockOutput } from "../engine/Engine.ts"
import type { Program } from "../engine/Program.ts"

/** A reference to a tensor by its number in its lane, with the tensor itself if the worker does not have it. */
export interface Sent {
  readonly id: number
  readonly tensor?: Tensor.Tensor
}

/** A tensor that the worker computed, with the number under which it keeps it. */
export interface Made {
  readonly id: number
  readonly tensor: Tensor.Tensor
}

/** A call of a program, whose body is sent with its first call. */
export interface Call {
  readonly id: number
  readonly kind: "block" | "map"
  readonly lane: number
  readonly program: { readonly id: number; readonly body?: Program }
  /** Input tensors, in the engine's precision, as its results are. */
  readonly tensors: Ops.Named<Sent>
  readonly state: Ops.Named<Sent>
  readonly draws: { readonly steps: number; readonly values: Ops.Named<Tensor.Tensor> }
  readonly traced: boolean
  /** The numbers of tensors that the worker may free. */
  readonly forget: ReadonlyArray<number>
}

/** A request to the worker. */
export type Request = Call | { readonly kind: "close"; readonly lane: number }

/** An error of the worker as plain data. */
export interface Fault {
  readonly engine: string
  readonly program: string
  readonly problem: string
  readonly details: string
}

/**
 * The result of a block or a map, in the engine's precision; a map has no traces, and only a traced block has
 * fingerprints.
 */
export interface Output {
  readonly made: Ops.Named<Made>
  readonly trace: BlockOutput["trace"]
  readonly fingerprints?: NonNullable<BlockOutput["fingerprints"]>
}

/** An answer of the worker. */
export type Answer =
  | { readonly ready: EngineInfo }
  | { readonly unable: Fault }
  | { readonly id: number; readonly output: Output }
  | { readonly id: number; readonly fault: Fault }

/** Copies a tensor that is a view into a larger buffer, since a message carries the whole buffer. */
export const compact = <T extends Tensor.Tensor>(tensor: T): T =>
  tensor.data.byteLength === tensor.data.buffer.byteLength ? tensor : { ...tensor, data: tensor.data.slice() }
