/**
 * Builds ONNX graphs value by value. The builder assigns the names, so that a graph cannot refer to a value that it
 * does not compute; a nested graph, such as a Loop's body, can use the values of the enclosing one.
 */
import type { Tensor } from "@igm/tensor"
import type { Attribute, ElementType, Graph, Node, ValueInfo } from "./Model.ts"

/** A value of a graph under construction. */
export interface Value {
  readonly name: string
}

/** A graph under construction; its constants may be promised ones where `Initializer` says so. */
export interface Builder<Initializer = Tensor.Tensor> {
  /** Declares an input. */
  readonly input: (name: string, type: ElementType, shape: ReadonlyArray<number | string>) => Value
  /** Adds a constant, stored with the graph. Equal constants are not merged. */
  readonly constant: (tensor: Initializer) => Value
  /** Adds a node with one output. */
  readonly node: (op: string, inputs: ReadonlyArray<Value>, attributes?: { [name: string]: Attribute }) => Value
  /** Adds a node with several outputs. */
  readonly nodes: (
    op: string,
    inputs: ReadonlyArray<Value>,
    outputs: number,
    attributes?: { [name: string]: Attribute }
  ) => ReadonlyArray<Value>
  /** Declares an output under a given name. */
  readonly output: (name: string, value: Value, type: ElementType, shape: ReadonlyArray<number | string>) => void
  /** Declares an output that is identified by its position, like those of a Loop's body; no copy is made. */
  readonly result: (value: Value, type: ElementType, shape: ReadonlyArray<number | string>) => void
  /** A builder for a graph nested in this one; its names differ from all names here. */
  readonly nested: (name: string) => Builder
  readonly graph: () => Graph<Initializer>
}

/** An empty graph. */
export const make = <Initializer = Tensor.Tensor>(
  name: string,
  fresh: () => number = counter()
): Builder<Initializer> => {
  const nodes: Array<Node> = []
  const inputs: Array<ValueInfo> = []
  const outputs: Array<ValueInfo> = []
  const initializers: Record<string, Initializer> = {}
  const several: Builder<Initializer>["nodes"] = (op, operands, count, attributes = {}) => {
    const values = Array.from({ length: count }, () => ({ name: `v${fresh()}` }))
    nodes.push({ op, inputs: operands.map((v) => v.name), outputs: values.map((v) => v.name), attributes })
    return values
  }
  const copied = (value: Value, name: string): string => {
    nodes.push({ op: "Identity", inputs: [value.name], outputs: [name], attributes: {} })
    return name
  }
  return {
    input: (name, type, shape) => {
      inputs.push({ name, type, shape })
      return { name }
    },
    constant: (tensor) => {
      const name = `c${fresh()}`
      initializers[name] = tensor
      return { name }
    },
    node: (op, operands, attributes) => several(op, operands, 1, attributes)[0]!,
    nodes: several,
    output: (name, value, type, shape) => {
      outputs.push({ name: copied(value, name), type, shape })
    },
    result: (value, type, shape) => {
      const isOwn = nodes.some((node) => node.outputs.includes(value.name))
      const isNew = outputs.every(({ name }) => name !== value.name)
      outputs.push({ name: isOwn && isNew ? value.name : copied(value, `v${fresh()}`), type, shape })
    },
    nested: (name) => make(name, fresh),
    graph: () => ({ name, nodes, initializers, inputs, outputs })
  }
}

const counter = () => {
  let n = 0
  return () => n++
}
