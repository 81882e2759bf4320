/**
 * Graphs of ONNX operators as plain values. Initializers are most of a model: they can be tensors at hand, or promised
 * ones, which are made one after the other while a file is written, so that it never lies in memory whole.
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

/** A tensor that is made when it is written; it has to come out with the dtype and shape that are promised. */
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

/** A graph with what a file says about it. */
export interface Model<Initializer = Tensor.Tensor> {
  readonly graph: Graph<Initializer>
  /** The version of the standard operator set. */
  readonly opset: number
  readonly metadata: { readonly [key: string]: string }
}
