/** Inputs of encoders: what they take of one sample, and how that is held against what an ONNX file declares. */
import type { ModelFile } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import type { Port } from "./Architecture.ts"

/** Inputs by name. */
export type Ports = { readonly [input: string]: Port }

type Declared = ModelFile.Declared["inputs"][number]

const listed = (names: ReadonlyArray<string>): string => (names.length === 0 ? "none" : names.join(", "))
const shown = (type: string, shape: ReadonlyArray<number | string>): string =>
  `${type} [${shape.map((d) => (d === "" ? "?" : d)).join(", ")}]`

/** True if a model that declares `theirs` takes batches of `own`: it may leave sizes free, and must leave the batch's. */
const accepts = (own: ReadonlyArray<number | string>, [batch, ...theirs]: ReadonlyArray<number | string>): boolean =>
  typeof batch === "string" &&
  theirs.length === own.length &&
  own.every((size, i) => typeof theirs[i] === "string" || theirs[i] === size)

const fixedBatch = (shape: ReadonlyArray<number | string>): string =>
  typeof shape[0] === "number" ? `: its batch axis is fixed at ${shape[0]}, export it with a free one` : ""

/** The differences of a model's inputs from those that an encoder states, in words. */
export const differences = (ports: Ports, declared: ReadonlyArray<Declared>): ReadonlyArray<string> => [
  ...Object.entries(ports).flatMap(([name, { dtype, shape }]) => {
    const found = declared.find((port) => port.name === name)
    if (found === undefined) return [`it has no input ${name} (its inputs: ${listed(declared.map((p) => p.name))})`]
    if (found.type === dtype && accepts(shape, found.shape)) return []
    const expected = shown(dtype, ["batch", ...shape])
    return [
      `its input ${name} should be ${expected}, and is ${shown(found.type, found.shape)}${fixedBatch(found.shape)}`
    ]
  }),
  ...declared.flatMap(({ name, type, shape }) =>
    Object.hasOwn(ports, name) ? [] : [`it also wants an input ${name}, ${shown(type, shape)}`]
  )
]

/** The differences of a model's output from features of a width, in words; a shape that is not declared shows in use. */
export const outputDifferences = (
  name: string | undefined,
  width: number,
  declared: ReadonlyArray<Declared>
): ReadonlyArray<string> => {
  const names = listed(declared.map((port) => port.name))
  if (name === undefined && declared.length > 1) return [`it has several outputs (${names}): state which one to take`]
  const found = name === undefined ? declared[0] : declared.find((port) => port.name === name)
  if (found === undefined) return [`it has no output ${name ?? ""} (its outputs: ${names})`]
  if (found.type === "float32" && (found.shape.length === 0 || accepts([width], found.shape))) return []
  const expected = shown("float32", ["batch", width])
  return [
    `its output ${found.name} should be ${expected}, and is ${shown(found.type, found.shape)}${fixedBatch(found.shape)}`
  ]
}

/** The difference of a sample's tensors from an encoder's inputs, in words; undefined if they fit. */
export const misfit = (
  ports: Ports,
  tensors: { readonly [input: string]: Tensor.Tensor },
  batched = false
): string | undefined => {
  for (const [name, { dtype, shape }] of Object.entries(ports)) {
    const found = tensors[name]
    if (found === undefined) return `there is no tensor for the input ${name}`
    const own = batched ? found.shape.slice(1) : found.shape
    const fits = own.length === shape.length && shape.every((size, i) => typeof size === "string" || size === own[i])
    if (found.dtype !== dtype || !fits) {
      return `the input ${name} takes ${shown(dtype, shape)}, not ${shown(found.dtype, own)}`
    }
    // Memory that was let go leaves a tensor without numbers.
    if (found.data.length !== Tensor.sizeOf(found.shape)) {
      return `the tensor for the input ${name} has ${found.data.length} numbers: its memory was let go`
    }
  }
  const unknown = Object.keys(tensors).find((name) => !Object.hasOwn(ports, name))
  return unknown === undefined ? undefined : `there is no input ${unknown}`
}
