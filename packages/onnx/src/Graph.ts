/**
 * Graphs of ONNX operators as plain values. Initializers are most of a model's bytes: they are tensors, or promised
 * tensors, which are computed one after another while a file is written, so that the model is never in memory as a
 * whole.
 */
import type { Tensor } from "@igm/tensor"
import type { Effect } from "effect"

/** A node's attribute. Numbers are integers unless marked as a float. */
export type Attribute = number | { readonly float: number } | string | ReadonlyArray<number> | { readonly graph: Graph }

/** One operator of the standard operator set. */
export interface Node {
  readonly op: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly attributes: { readonly [name: string]: Attribute }
}

/** The element types of values. */
export type ElementType = Tensor.DType | "bool"

/** The declared type of a graph's input or output; a dimension is a size or the name of one. */
export interface ValueInfo {
  readonly name: string
  readonly type: ElementType
  readonly shape: ReadonlyArray<number | string>
}

/** A tensor that is computed when it is written; it must have the promised dtype and shape. */
export interface Promised<E> {
  readonly dtype: Tensor.DType
  readonly shape: ReadonlyArray<number>
  readonly tensor: Effect.Effect<Tensor.Tensor, E>
}

/** A graph: nodes in the order of their execution. */
export interface Graph<Initializer = Tensor.Tensor> {
  readonly name: string
  readonly nodes: ReadonlyArray<Node>
  readonly initializers: { readonly [name: string]: Initializer }
  readonly inputs: ReadonlyArray<ValueInfo>
  readonly outputs: ReadonlyArray<ValueInfo>
}

/** A model: a graph with its opset and metadata. */
export interface Model<Initializer = Tensor.Tensor> {
  readonly graph: Graph<Initializer>
  /** The version of the standard operator set. */
  readonly opset: number
  readonly metadata: { readonly [key: string]: string }
}
