/**
 * ONNX model files: the part of the format's protobuf schema that this project writes and reads. Field numbers and
 * enumerations are those of onnx.proto (IR version 8).
 */
import { Tensor } from "@igm/tensor"
import protobuf from "protobufjs"

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

/** A graph: nodes in the order of their execution. */
export interface Graph {
  readonly name: string
  readonly nodes: ReadonlyArray<Node>
  readonly initializers: { readonly [name: string]: Tensor.Tensor }
  readonly inputs: ReadonlyArray<ValueInfo>
  readonly outputs: ReadonlyArray<ValueInfo>
}

/** A graph with what a file says about it. */
export interface Model {
  readonly graph: Graph
  /** The version of the standard operator set. */
  readonly opset: number
  readonly metadata: { readonly [key: string]: string }
}

const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 } as const

const field = (id: number, type: string, rule?: "repeated") => (rule === undefined ? { id, type } : { id, type, rule })

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field(1, "int64"),
        producerName: field(2, "string"),
        graph: field(7, "GraphProto"),
        opsetImport: field(8, "OperatorSetIdProto", "repeated"),
        metadataProps: field(14, "StringStringEntryProto", "repeated")
      }
    },
    OperatorSetIdProto: { fields: { domain: field(1, "string"), version: field(2, "int64") } },
    StringStringEntryProto: { fields: { key: field(1, "string"), value: field(2, "string") } },
    GraphProto: {
      fields: {
        node: field(1, "NodeProto", "repeated"),
        name: field(2, "string"),
        initializer: field(5, "TensorProto", "repeated"),
        input: field(11, "ValueInfoProto", "repeated"),
        output: field(12, "ValueInfoProto", "repeated")
      }
    },
    NodeProto: {
      fields: {
        input: field(1, "string", "repeated"),
        output: field(2, "string", "repeated"),
        name: field(3, "string"),
        opType: field(4, "string"),
        attribute: field(5, "AttributeProto", "repeated")
      }
    },
    AttributeProto: {
      fields: {
        name: field(1, "string"),
        f: field(2, "float"),
        i: field(3, "int64"),
        s: field(4, "bytes"),
        g: field(6, "GraphProto"),
        ints: field(8, "int64", "repeated"),
        type: field(20, "int32")
      }
    },
    TensorProto: {
      fields: {
        dims: field(1, "int64", "repeated"),
        dataType: field(2, "int32"),
        name: field(8, "string"),
        rawData: field(9, "bytes")
      }
    },
    ValueInfoProto: { fields: { name: field(1, "string"), type: field(2, "TypeProto") } },
    TypeProto: { fields: { tensorType: field(1, "TensorTypeProto") } },
    TensorTypeProto: { fields: { elemType: field(1, "int32"), shape: field(2, "TensorShapeProto") } },
    TensorShapeProto: { fields: { dim: field(1, "DimensionProto", "repeated") } },
    DimensionProto: { fields: { dimValue: field(1, "int64"), dimParam: field(2, "string") } }
  }
})

const ModelProto = root.lookupType("ModelProto")

const attributeProto = (name: string, value: Attribute) => {
  if (typeof value === "number") return { name, type: 2, i: value }
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) }
  if ("float" in value) return { name, type: 1, f: value.float }
  if ("graph" in value) return { name, type: 5, g: graphProto(value.graph) }
  return { name, type: 7, ints: value }
}

const valueProto = ({ name, type, shape }: ValueInfo) => ({
  name,
  type: {
    tensorType: {
      elemType: elementTypes[type],
      shape: { dim: shape.map((d) => (typeof d === "number" ? { dimValue: d } : { dimParam: d })) }
    }
  }
})

const graphProto = (graph: Graph): object => ({
  name: graph.name,
  node: graph.nodes.map(({ op, inputs, outputs, attributes }) => ({
    input: inputs,
    output: outputs,
    opType: op,
    attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value))
  })),
  initializer: Object.entries(graph.initializers).map(([name, tensor]) => ({
    name,
    dims: tensor.shape,
    dataType: elementTypes[tensor.dtype],
    rawData: Tensor.bytes(tensor)
  })),
  input: graph.inputs.map(valueProto),
  output: graph.outputs.map(valueProto)
})

/** The bytes of a model file. The same model always gives the same bytes. */
export const encode = ({ graph, opset, metadata }: Model): Uint8Array =>
  ModelProto.encode(
    ModelProto.fromObject({
      irVersion: 8,
      producerName: "igm",
      graph: graphProto(graph),
      opsetImport: [{ domain: "", version: opset }],
      metadataProps: Object.entries(metadata)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value }))
    })
  ).finish()

/** The metadata of a model file. Throws when the bytes are not a protobuf of that form. */
export const metadataOf = (file: Uint8Array): Model["metadata"] => {
  const { metadataProps = [] } = ModelProto.toObject(ModelProto.decode(file)) as {
    metadataProps?: ReadonlyArray<{ key: string; value: string }>
  }
  return Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))
}
