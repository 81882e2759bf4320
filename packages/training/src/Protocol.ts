/** What a thread that owns engines and a thread that asks them say to each other. */
import type { Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import type { About, BlockOutput } from "./Engine.ts"
import type { Program } from "./Program.ts"

/** A tensor by its number in its lane: with the tensor itself, if the thread does not have it. */
export interface Sent {
  readonly id: number
  readonly tensor?: Tensor.Tensor
}

/** A tensor that the thread has made, and by which number it keeps it. */
export interface Made {
  readonly id: number
  readonly tensor: Tensor.Tensor
}

/** What a call is of. The program's body comes with its first call. */
export interface Call {
  readonly id: number
  readonly kind: "block" | "map"
  readonly lane: number
  readonly program: { readonly id: number; readonly body?: Program }
  /** In single precision for engines that compute in it, as their answers are. */
  readonly tensors: Ops.Named<Sent>
  readonly state: Ops.Named<Sent>
  readonly draws: { readonly steps: number; readonly values: Ops.Named<Tensor.Tensor> }
  readonly traced: boolean
  /** The numbers of tensors that are needed no more. */
  readonly forget: ReadonlyArray<number>
}

/** What is asked. */
export type Request = Call | { readonly kind: "close"; readonly lane: number }

/** What went wrong, in words. */
export interface Fault {
  readonly engine: string
  readonly program: string
  readonly problem: string
  readonly details: string
}

/** What a block or a map comes to, in the engine's own precision; a map has no traces, and only a traced block fingerprints. */
export interface Output {
  readonly made: Ops.Named<Made>
  readonly trace: BlockOutput["trace"]
  readonly fingerprints?: NonNullable<BlockOutput["fingerprints"]>
}

/** What is answered. */
export type Answer =
  | { readonly ready: About }
  | { readonly unable: Fault }
  | { readonly id: number; readonly output: Output }
  | { readonly id: number; readonly fault: Fault }

/** A tensor with a buffer of its own size: a message carries the whole buffer behind a view. */
export const compact = <T extends Tensor.Tensor>(tensor: T): T =>
  tensor.data.byteLength === tensor.data.buffer.byteLength ? tensor : { ...tensor, data: tensor.data.slice() }
