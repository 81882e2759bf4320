/**
 * An estimate of the memory that a model's activations take, from its graph alone: the sizes of values are followed from the
 * inputs through convolutions, pools, products and look-ups, and any other node is taken to give as much as its largest input
 * has. It is good to a factor of a few, which is what the choice of a batch's size needs, and reads no weights.
 */
import { Effect } from "effect"
import * as ModelFile from "./ModelFile.ts"
import { OnnxError } from "./OnnxError.ts"
import * as ProtoReader from "./ProtoReader.ts"

/** A shape, or a number of elements where the shape is not known. */
type Extent = Shape | number

type Shape = ReadonlyArray<number>

type Shapes = { readonly [input: string]: ReadonlyArray<number> }

interface Node {
  readonly op: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly attributes: { readonly [name: string]: Attribute }
}

interface Attribute {
  readonly ints: ReadonlyArray<number>
  readonly text: string
}

const isShape = (extent: Extent): extent is Shape => typeof extent !== "number"

const sizeOf = (extent: Extent): number => (isShape(extent) ? extent.reduce((a, b) => a * b, 1) : extent)

/** Positions along each axis after a window has gone over them. */
const windowed = (
  sizes: ReadonlyArray<number>,
  kernel: ReadonlyArray<number>,
  { strides, pads, dilations, auto_pad }: Node["attributes"]
): ReadonlyArray<number> =>
  sizes.map((size, axis) => {
    const stride = strides?.ints[axis] ?? 1
    if (auto_pad?.text.startsWith("SAME") === true) return Math.ceil(size / stride)
    const padded = size + (pads?.ints[axis] ?? 0) + (pads?.ints[axis + sizes.length] ?? 0)
    const reach = ((kernel[axis] ?? 1) - 1) * (dilations?.ints[axis] ?? 1) + 1
    return Math.max(1, Math.floor((padded - reach) / stride) + 1)
  })

/** The extent of a node's outputs, by those of its inputs; `weights` are the shapes of initializers. */
const extentOf = (
  { op, inputs, attributes }: Node,
  values: ReadonlyMap<string, Extent>,
  weights: ReadonlyMap<string, ReadonlyArray<number>>
): Extent | undefined => {
  const given = inputs.map((name) => values.get(name)).filter((extent) => extent !== undefined)
  const [first] = given
  if (first === undefined) return undefined
  const shape: Shape | undefined = isShape(first) ? first : undefined
  const weight = inputs.flatMap((name) => [weights.get(name) ?? []]).find((dims) => dims.length >= 2)
  if (op === "Conv" && weight !== undefined) {
    const [out, channels, ...kernel] = weight as [number, number, ...ReadonlyArray<number>]
    return shape === undefined
      ? (sizeOf(first) / channels) * out
      : [shape[0]!, out, ...windowed(shape.slice(2), kernel, attributes)]
  }
  if ((op === "MaxPool" || op === "AveragePool") && shape !== undefined) {
    return [...shape.slice(0, 2), ...windowed(shape.slice(2), attributes["kernel_shape"]?.ints ?? [], attributes)]
  }
  if (op.startsWith("Global") && shape !== undefined) return shape.map((size, axis) => (axis < 2 ? size : 1))
  if ((op === "MatMul" || op === "Gemm") && weight !== undefined) {
    const isTransposed = attributes["transB"]?.ints[0] === 1
    const [from, to] = weight.slice(-2).toReversed() as [number, number]
    const [width, depth] = isTransposed ? [to, from] : [from, to]
    return shape === undefined ? (sizeOf(first) / depth) * width : [...shape.slice(0, -1), width]
  }
  if (op === "MatMul" && given.length === 2 && given.every(isShape)) {
    const [a, b] = given as ReadonlyArray<Shape>
    return [...(a!.length >= b!.length ? a! : b!).slice(0, -2), a!.at(-2) ?? 1, b!.at(-1)!]
  }
  if (op === "Gather" && weight !== undefined && weights.has(inputs[0]!))
    return [...(shape ?? [sizeOf(first)]), ...weight.slice(1)]
  if (op === "Transpose" && shape !== undefined) {
    const { perm } = attributes
    return perm === undefined ? shape.toReversed() : perm.ints.map((axis) => shape[axis]!)
  }
  if (op === "Reshape" || op === "Flatten" || op.startsWith("Reduce")) return sizeOf(first)
  return given.reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a))
}

/** The nodes and the initializers' shapes of a model's main graph. */
const graphOf = (read: ProtoReader.Read, size: number) => {
  const { fields, text } = ProtoReader.make(read)
  const numbers = (field: ProtoReader.Field): ReadonlyArray<number> =>
    field.sized ? ProtoReader.varints(read(field.start, field.end - field.start)) : [field.value]
  const nodes: Array<Node> = []
  const weights = new Map<string, ReadonlyArray<number>>()
  const graph = [...fields({ start: 0, end: size })].find(({ field }) => field === 7)
  if (graph === undefined) return { nodes, weights }
  for (const part of fields(graph)) {
    if (part.field === 1) {
      const node = {
        op: "",
        inputs: [] as Array<string>,
        outputs: [] as Array<string>,
        attributes: {} as Record<string, Attribute>
      }
      for (const field of fields(part)) {
        if (field.field === 1) node.inputs.push(text(field))
        if (field.field === 2) node.outputs.push(text(field))
        if (field.field === 4) node.op = text(field)
        if (field.field !== 5) continue
        let [name, value, ints]: [string, string, Array<number>] = ["", "", []]
        for (const of of fields(field)) {
          if (of.field === 1) name = text(of)
          if (of.field === 4) value = text(of)
          if (of.field === 3) ints = [of.value]
          if (of.field === 8) ints.push(...numbers(of))
        }
        node.attributes[name] = { ints, text: value }
      }
      nodes.push(node)
    }
    if (part.field === 5) {
      let name = ""
      const dims: Array<number> = []
      for (const field of fields(part)) {
        if (field.field === 1) dims.push(...numbers(field))
        if (field.field === 8) name = text(field)
      }
      weights.set(name, dims)
    }
  }
  return { nodes, weights }
}

/** Elements that the busiest node of a graph reads and writes, for inputs of these shapes. */
export const peak = (read: ProtoReader.Read, size: number, inputs: Shapes): number => {
  const { nodes, weights } = graphOf(read, size)
  const values = new Map<string, Extent>(Object.entries(inputs))
  let most = [...values.values()].reduce<number>((sum, extent) => sum + sizeOf(extent), 0)
  for (const node of nodes) {
    const extent = extentOf(node, values, weights)
    if (extent === undefined) continue
    const read = node.inputs.reduce((sum, name) => sum + sizeOf(values.get(name) ?? 0), 0)
    most = Math.max(most, read + node.outputs.length * sizeOf(extent))
    for (const name of node.outputs) values.set(name, extent)
  }
  return most
}

/** Bytes of single precision that the busiest node of the model in a file reads and writes, for inputs of these shapes. */
export const bytes = Effect.fn("Activations.bytes")((path: string, inputs: Shapes) =>
  Effect.try({
    try: () => 4 * ModelFile.using(path, (read, size) => peak(read, size, inputs)),
    catch: (cause) => new OnnxError({ model: path, problem: `its graph cannot be read: ${String(cause)}`, cause })
  })
)
