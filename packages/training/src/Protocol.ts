/** What a thread that owns engines and a thread that asks them say to each other. */
import type { Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import type { About, BlockOutput } from "./Engine.ts"
import type { Program } from "./Program.ts"

/** A tensor, or the word that it is the one that the lane was given last under that name. */
export type Sent = Tensor.Tensor | "kept"

/** What a call is of. The program's body comes with its first call. */
export interface Call {
  readonly id: number
  readonly kind: "block" | "map"
  readonly lane: number
  readonly program: { readonly id: number; readonly body?: Program }
  readonly tensors: Ops.Named<Sent>
  /** In single precision for engines that compute in it, as their answers are. */
  readonly state: Ops.Named<Tensor.Tensor>
  readonly draws: { readonly steps: number; readonly values: Ops.Named<Tensor.Tensor> }
  readonly traced: boolean
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

/** What a block or a map comes to, in the engine's own precision. */
export type Output =
  (Omit<BlockOutput, "state"> & { readonly state: Ops.Named<Tensor.Tensor> }) | Ops.Named<Tensor.Tensor>

/** What is answered. */
export type Answer =
  | { readonly ready: About }
  | { readonly unable: Fault }
  | { readonly id: number; readonly output: Output }
  | { readonly id: number; readonly fault: Fault }

/** A tensor with a buffer of its own size: a message carries the whole buffer behind a view. */
export const compact = <T extends Tensor.Tensor>(tensor: T): T =>
  tensor.data.byteLength === tensor.data.buffer.byteLength ? tensor : { ...tensor, data: tensor.data.slice() }
