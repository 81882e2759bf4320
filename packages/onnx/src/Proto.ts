/**
 * The part of ONNX's protobuf schema that this package uses, and the encoding of graphs in it. Field numbers and
 * enumerations are those of onnx.proto (IR version 8).
 */
import { Tensor } from "@igm/tensor"
import protobuf from "protobufjs"
import type { Attribute, Graph, Model, ValueInfo } from "./Graph.ts"

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

/** A model file. */
export const ModelProto = root.lookupType("ModelProto")
const GraphProto = root.lookupType("GraphProto")
const TensorProto = root.lookupType("TensorProto")

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

const nodesProto = ({ name, nodes }: Pick<Graph, "name" | "nodes">) => ({
  name,
  node: nodes.map(({ op, inputs, outputs, attributes }) => ({
    input: inputs,
    output: outputs,
    opType: op,
    attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value))
  }))
})

const portsProto = ({ inputs, outputs }: Pick<Graph, "inputs" | "outputs">) => ({
  input: inputs.map(valueProto),
  output: outputs.map(valueProto)
})

type Declared = Pick<Tensor.Tensor, "dtype" | "shape">

const tensorProto = (name: string, { dtype, shape }: Declared) => ({ name, dims: shape, dataType: elementTypes[dtype] })

const graphProto = (graph: Graph): object => ({
  ...nodesProto(graph),
  initializer: Object.entries(graph.initializers).map(([name, tensor]) => ({
    ...tensorProto(name, tensor),
    rawData: Tensor.bytes(tensor)
  })),
  ...portsProto(graph)
})

const bytesOf = (type: protobuf.Type, value: object): Uint8Array => type.encode(type.fromObject(value)).finish()

/** The bytes before a field of a known length: its number, its wire type and the length. */
const prefix = (id: number, length: number): Uint8Array =>
  protobuf.Writer.create()
    .uint32((id << 3) | 2)
    .uint32(length)
    .finish()

const sizeOf = ({ dtype, shape }: Declared): number => Tensor.sizeOf(shape) * Tensor.bytesPerElement(dtype)

/** The number of bytes of a layout. */
export const lengthOf = (parts: ReadonlyArray<Uint8Array | Declared>): number =>
  parts.reduce((n, part) => n + (part instanceof Uint8Array ? part.length : sizeOf(part)), 0)

/**
 * Lays out a model file as a sequence of bytes and of initializers in the place of their bytes. Fields are in the order
 * of their numbers, as a protobuf encoder writes them.
 */
export const layout = <I extends Declared>({ graph, opset, metadata }: Model<I>): ReadonlyArray<Uint8Array | I> => {
  const initializers = Object.entries(graph.initializers).flatMap(([name, tensor]): ReadonlyArray<Uint8Array | I> => {
    const size = sizeOf(tensor)
    const data = size === 0 ? [] : [prefix(TensorProto.fields["rawData"]!.id, size), tensor]
    const parts = [bytesOf(TensorProto, tensorProto(name, tensor)), ...data]
    return [prefix(GraphProto.fields["initializer"]!.id, lengthOf(parts)), ...parts]
  })
  const inner = [bytesOf(GraphProto, nodesProto(graph)), ...initializers, bytesOf(GraphProto, portsProto(graph))]
  const trailer = {
    opsetImport: [{ domain: "", version: opset }],
    metadataProps: Object.entries(metadata)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }))
  }
  return [
    bytesOf(ModelProto, { irVersion: 8, producerName: "igm" }),
    prefix(ModelProto.fields["graph"]!.id, lengthOf(inner)),
    ...inner,
    bytesOf(ModelProto, trailer)
  ]
}
